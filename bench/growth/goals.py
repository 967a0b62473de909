"""What must not change with growth, as data."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.growth.points import CASES, HELD, Growth
from bench.load import CONNECTIONS

_MANY = 5_000_000


@dataclass(frozen=True)
class GrowthGoal:
    """A bound for a figure of the growth run: what is wanted, how the figure is got, and the bounds."""

    text: str
    figure: Callable[[Growth], float | None]
    least: float = 0.0
    most: float = float("inf")

    def value(self, growth: Growth) -> float | None:
        """The figure, or None when it was not measured."""
        return self.figure(growth)

    def met(self, value: float) -> bool:
        """Whether it lies within the bounds."""
        return self.least <= value <= self.most


def _versus(case: str) -> Callable[[Growth], float | None]:
    def figure(growth: Growth) -> float | None:
        for point in growth.points:
            if (point.case, point.grants, point.connections) == (case, _MANY, CONNECTIONS):
                return point.versus
        return None

    return figure


def _accounts(growth: Growth) -> float | None:
    held = [one for one in growth.points if one.case == HELD and one.connections == CONNECTIONS]
    fewest = min((one.grants for one in held), default=0)
    speeds = {one.accounts: one.per_second for one in held if one.grants == fewest}
    return speeds[max(speeds)] / speeds[min(speeds)] if len(speeds) > 1 else None


def _rows(growth: Growth) -> float | None:
    return None if growth.refreshed is None else growth.refreshed.rows


GROWTH_GOALS = (
    *(
        GrowthGoal(f"{case}: 5 million live grants change the speed by no more than 20 %", _versus(case), 0.8)
        for case in CASES
    ),
    GrowthGoal("10,000 accounts at least 0.9 as fast as 10", _accounts, 0.9),
    GrowthGoal("rows that a million refreshes of one grant leave", _rows, 1.0, 1.0),
)
