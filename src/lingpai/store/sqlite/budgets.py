"""Verbs on budgets (`store.port`)."""

from typing import Final

from typing_extensions import override

from lingpai.core.records import Budget, BudgetUse
from lingpai.store.events import is_low, note_low
from lingpai.store.port import Store
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.events import event_statements
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.transaction import finish

_SQL: Final = load_queries("budgets")


class Budgets(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def take_budget(self, budget: Budget) -> BudgetUse:

        def take(connection: Connection) -> BudgetUse:
            bindings = budget._asdict()
            taken = run(connection, _SQL["take_budget"], bindings)
            used, granted = (taken or run(connection, _SQL["read_budget"], bindings))[0]
            use = BudgetUse(budget.subject, budget.name, budget.window, used, budget.limit, bool(granted))
            if is_low(use):
                finish(note_low(event_statements(connection), self._clock.now(), use))
            return use

        return await self._engine.write(take)

    @override
    async def read_budget(self, budget: Budget) -> int:
        rows = self._engine.rows(_SQL["read_budget"], budget._asdict())
        return int(rows[0][0]) if rows else 0

    @override
    async def list_budgets(self) -> tuple[BudgetUse, ...]:
        rows = self._engine.rows(_SQL["list_budgets"], (self._clock.now(),))
        return tuple(
            BudgetUse(subject, name, window, used, limit, bool(granted))
            for subject, name, window, used, limit, granted in rows
        )
