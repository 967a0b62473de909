"""Draw the growth curves: ``growth_plot.py GROWTH_JSON SVG``, in the references' environment (it has matplotlib)."""

# mypy: disable-error-code="import-not-found"

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

# Seen on white as on near-black: middle tones, no background.
INK = "#7d8590"
COLORS = {"getXcx, any account": "#3b82f6", "checkCode": "#10b981", "refresh": "#f59e0b", "server token": "#a855f7",
          "redeem": "#ef4444"}  # fmt: skip
MANY_ACCOUNTS, FULL = 1000, 32


def _curve(points: list[dict[str, Any]], case: str, along: str, **where: int) -> list[dict[str, Any]]:
    alike = [
        one
        for one in points
        if one["case"] == case and all(one[name] == value for name, value in where.items())
    ]
    return sorted(alike, key=lambda one: int(one[along]))


def _axes(axes: Any, title: str, along: str, places: Iterable[int]) -> None:
    axes.set_title(title, color=INK, fontsize=9)
    axes.set_xscale("log")
    axes.set_xlabel(along, color=INK)
    axes.set_ylim(bottom=0)
    axes.tick_params(colors=INK, which="both")
    axes.grid(visible=True, color=INK, alpha=0.25, linewidth=0.5)
    axes.set_facecolor("none")
    axes.set_xticks(sorted(set(places)), [_short(place) for place in sorted(set(places))])
    axes.minorticks_off()
    for edge in axes.spines.values():
        edge.set_color(INK)


def _short(number: int) -> str:
    if number >= 1_000_000:
        return f"{number // 1_000_000} M"
    return f"{number // 1000} k" if number >= 1000 else str(number)


def draw(growth: dict[str, Any], to: Path) -> None:
    """Draw throughput and CPU time over the number of grants, and throughput over that of connections."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "lingpai", "font.size": 8})
    figure, (speed, cpu, crowd) = plt.subplots(1, 3, figsize=(10.5, 3.7), layout="constrained")
    figure.patch.set_alpha(0)
    points = growth["points"]
    most = max(one["accounts"] for one in points)
    least = min(one["grants"] for one in points)
    for case, color in COLORS.items():
        look = {"color": color, "linewidth": 1.6, "marker": "o", "markersize": 3, "label": case}
        by_grants = _curve(points, case, "grants", connections=FULL, accounts=most)
        grants = [one["grants"] for one in by_grants]
        speed.plot(grants, [one["per_second"] / 1000 for one in by_grants], **look)
        cpu.plot(grants, [one["cpu_us"] for one in by_grants], **look)
        by_connections = _curve(points, case, "connections", grants=least, accounts=most)
        crowd.plot(
            [one["connections"] for one in by_connections],
            [one["per_second"] / 1000 for one in by_connections],
            **look,
        )
    few = [one for one in points if one["accounts"] < MANY_ACCOUNTS]
    for case in sorted({one["case"] for one in few}):
        curve = _curve(few, case, "connections")
        look = {
            "color": COLORS[case],
            "linewidth": 1.2,
            "linestyle": ":",
            "label": f"{case}: of {few[0]['accounts']}",
        }
        crowd.plot([one["connections"] for one in curve], [one["per_second"] / 1000 for one in curve], **look)
    grants = [one["grants"] for one in points]
    connections = [one["connections"] for one in points]
    _axes(speed, f"thousand answers a second, {FULL} connections", "live grants", grants)
    _axes(cpu, f"CPU time per answer, µs, {FULL} connections", "live grants", grants)
    _axes(crowd, f"thousand answers a second, {_short(least)} grants", "connections", connections)
    crowd.legend(labelcolor=INK, framealpha=0, fontsize=7, loc="upper left")
    figure.savefig(to, metadata={"Date": None, "Creator": None}, transparent=True)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
