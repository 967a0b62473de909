"""Verbs on budgets (`store.port`)."""

from typing import Final

from typing_extensions import override

from lingpai.core.records import Budget, BudgetUse
from lingpai.store.port import Store
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.repository import Repository

_SQL: Final = load_queries("budgets")


class Budgets(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def take_budget(self, budget: Budget) -> BudgetUse:
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

    @override
    async def read_budget(self, budget: Budget) -> int:
        rows = await self._engine.read(_SQL["read_budget"], budget.subject, budget.name, budget.window)
        return int(rows[0][0]) if rows else 0

    @override
    async def list_budgets(self) -> tuple[BudgetUse, ...]:
        rows = await self._engine.rows(_SQL["list_budgets"], self._clock.now())
        return tuple(BudgetUse(*row) for row in rows)
