"""The page of figures, from what `make bench` and its growth run measured last."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.generator.markdown import code, head, joined, table

LATEST = Path(__file__).parents[2] / "bench" / "latest.json"
GROWTH = LATEST.with_name("growth.json")
_COLUMNS = (
    ("name", "{}"), ("engine", "{}"), ("workers", "{}"), ("per_second", "{:,.0f}"), ("ratio", "{:.2f}"),
    ("cpu_us", "{:.1f}"), ("store_us", "{:.1f}"), ("p50_ms", "{:.2f}"), ("p99_ms", "{:.2f}"),
    ("rss_mib", "{:.0f}"), ("start_s", "{:.2f}"), ("failures", "{}"),
)  # fmt: skip
_GROWN = (
    ("case", "{}"), ("grants", "{:,}"), ("accounts", "{:,}"), ("connections", "{}"), ("per_second", "{:,.0f}"),
    ("versus", "{:.2f}"), ("cpu_us", "{:.1f}"), ("p50_ms", "{:.2f}"), ("p99_ms", "{:.2f}"), ("failures", "{}"),
)  # fmt: skip


def page(latest: Path = LATEST, growth: Path = GROWTH) -> str:
    """The page; it says how to make the figures when there are none."""
    blocks = head(
        "Figures",
        "What `make bench` measured last; [bench/](../../bench/README.md#the-table-and-latestjson) says how, and what "
        "the columns mean. Compare by `ratio`: absolute figures are of that one machine.",
    )
    if latest.exists():
        blocks.append(_filled(_COLUMNS, _rows(json.loads(latest.read_text("utf-8")))))
    else:
        blocks.append("Nothing has been measured in this checkout yet: `make bench`, then `make docs`.")
    return joined([*blocks, *_growth(growth)])


def _growth(path: Path) -> list[str]:
    if not path.exists():
        return [
            "## Growth",
            "Not measured in this checkout yet: `python -m bench --growth`, then `make docs`.",
        ]
    document = json.loads(path.read_text("utf-8"))
    blocks = [
        "## Growth",
        "The embedded store, one worker on one core; `versus` is the speed divided by that of the least store.",
        _filled(_GROWN, document["points"]),
    ]
    stores = [
        f"{one['grants']:,} grants with {one['accounts']:,} accounts take {one['gib']:.2f} GiB."
        for one in document.get("stores", [])
    ]
    refreshed = document.get("refreshed")
    if refreshed:
        stores.append(
            f"After {refreshed['refreshes']:,} refreshes of one grant the table of grants has {refreshed['rows']} row, "
            f"and the whole store {refreshed['kib']:.0f} KiB."
        )
    return [*blocks, *(["\n".join(f"* {line}" for line in stores)] if stores else [])]


def _filled(columns: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, Any]]) -> str:
    cells = [[_cell(row.get(name), form) for name, form in columns] for row in rows]
    return table([code(name) for name, _ in columns], cells)


def _rows(document: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = document["rows"] if isinstance(document, dict) else document
    return rows


def _cell(value: Any, form: str) -> str:
    return "–" if value is None else form.format(value)
