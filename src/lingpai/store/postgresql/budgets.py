"""Verbs on budgets (`store.port`)."""

from typing import Final

from lingpai.core.records import Budget, BudgetUse
from lingpai.store.postgresql.part import Part
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("budgets")


class Budgets(Part):
    """See `store.port.Store`."""

    async def take_budget(self, budget: Budget) -> BudgetUse:
        """See `store.port.Store.take_budget`."""
        name = (budget.subject, budget.name, budget.window)
        while True:  # a row that was neither taken from nor is there was purged in between
            taken = await self._engine.call(
                _SQL["take_budget"], *name, budget.limit, budget.ends_at, apart=name
            )
            if taken:
                used, granted = taken[0]
                return BudgetUse(*name, used, budget.limit, granted)
            found = await self._engine.read(_SQL["read_budget"], *name)
            if found:  # refused, whoever has taken one since
                return BudgetUse(*name, found[0][0], budget.limit, granted=False)

    async def read_budget(self, budget: Budget) -> int:
        """See `store.port.Store.read_budget`."""
        rows = await self._engine.read(_SQL["read_budget"], budget.subject, budget.name, budget.window)
        return int(rows[0][0]) if rows else 0

    async def list_budgets(self) -> tuple[BudgetUse, ...]:
        """See `store.port.Store.list_budgets`."""
        rows = await self._engine.rows(_SQL["list_budgets"], self._clock.now())
        return tuple(BudgetUse(*row) for row in rows)
