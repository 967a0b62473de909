"""The page of figures, from what `make bench` measured last."""

import json
from pathlib import Path
from typing import Any

from docs.generator.markdown import code, head, joined, table

LATEST = Path(__file__).parents[2] / "bench" / "latest.json"
_COLUMNS = (
    ("name", "{}"), ("engine", "{}"), ("workers", "{}"), ("per_second", "{:,.0f}"), ("ratio", "{:.2f}"),
    ("cpu_us", "{:.1f}"), ("store_us", "{:.1f}"), ("p50_ms", "{:.2f}"), ("p99_ms", "{:.2f}"),
    ("rss_mib", "{:.0f}"), ("start_s", "{:.2f}"), ("failures", "{}"),
)  # fmt: skip


def page(latest: Path = LATEST) -> str:
    """The page; it says how to make the figures when there are none."""
    blocks = head(
        "Figures",
        "What `make bench` measured last; [bench/](../../bench/README.md#the-table-and-latestjson) says how, and what "
        "the columns mean. Compare by `ratio`: absolute figures are of that one machine.",
    )
    if not latest.exists():
        return joined(
            [*blocks, "Nothing has been measured in this checkout yet: `make bench`, then `make docs`."]
        )
    rows = _rows(json.loads(latest.read_text("utf-8")))
    cells = [[_cell(row.get(name), form) for name, form in _COLUMNS] for row in rows]
    return joined([*blocks, table([code(name) for name, _ in _COLUMNS], cells)])


def _rows(document: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = document["rows"] if isinstance(document, dict) else document
    return rows


def _cell(value: Any, form: str) -> str:
    return "–" if value is None else form.format(value)
