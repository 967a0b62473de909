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
STYLES = {1: (":", "1 connection"), 32: ("-", "32"), 500: ("--", "500")}
MOST_ACCOUNTS = 1000


def _curves(points: list[dict[str, Any]], case: str, connections: int) -> list[dict[str, Any]]:
    of_it = [one for one in points if (one["case"], one["connections"]) == (case, connections)]
    return sorted(
        (one for one in of_it if one["accounts"] > MOST_ACCOUNTS), key=lambda one: int(one["grants"])
    )


def _axes(axes: Any, title: str, unit: str) -> None:
    axes.set_title(title, color=INK, fontsize=10)
    axes.set_xscale("log")
    axes.set_xlabel("live grants", color=INK)
    axes.set_ylabel(unit, color=INK)
    axes.tick_params(colors=INK, which="both")
    axes.grid(visible=True, color=INK, alpha=0.25, linewidth=0.5)
    axes.set_facecolor("none")
    for edge in axes.spines.values():
        edge.set_color(INK)


def _ticks(axes: Any, grants: Iterable[int]) -> None:
    places = sorted(set(grants))
    names = [f"{place // 1_000_000} M" if place >= 1_000_000 else f"{place // 1000} k" for place in places]
    axes.set_xticks(places, names)
    axes.minorticks_off()


def draw(growth: dict[str, Any], to: Path) -> None:
    """Draw throughput and CPU time over the number of grants."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "lingpai", "font.size": 9})
    figure, (speed, cpu) = plt.subplots(1, 2, figsize=(9.5, 4.2), layout="constrained")
    figure.patch.set_alpha(0)
    for case, color in COLORS.items():
        for connections, (style, _) in STYLES.items():
            curve = _curves(growth["points"], case, connections)
            grants = [one["grants"] for one in curve]
            options = {"color": color, "linestyle": style, "linewidth": 1.6, "marker": "o", "markersize": 3}
            speed.plot(grants, [one["per_second"] for one in curve], **options)
            if connections == 32:
                cpu.plot(grants, [one["cpu_us"] for one in curve], label=case, **options)
    _axes(speed, "answers per second, one worker on one core", "per second")
    _axes(cpu, "CPU time per answer, 32 connections", "µs")
    speed.set_yscale("log")
    cpu.set_ylim(bottom=0)
    for axes in (speed, cpu):
        _ticks(axes, (one["grants"] for one in growth["points"] if one["accounts"] > MOST_ACCOUNTS))
    lines = [plt.Line2D([], [], color=INK, linestyle=style) for style, _ in STYLES.values()]
    speed.legend(lines, [name for _, name in STYLES.values()], labelcolor=INK, framealpha=0, fontsize=8)
    cpu.legend(labelcolor=INK, framealpha=0, fontsize=8)
    figure.savefig(to, metadata={"Date": None, "Creator": None}, transparent=True)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
