"""Python calls of an answer: they may become fewer, not more."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bench.calls import BUDGETS, POSTGRESQL_BUDGETS, Calls, count_calls
from tests.helpers.postgres import Place, database_at


def over(found: Mapping[str, Calls], budgets: Mapping[str, tuple[int, int]]) -> dict[str, Calls]:
    """The cases that take more than their budget."""
    assert found.keys() == budgets.keys()
    assert all(calls.loop > 10 for calls in found.values()), "something was counted"
    return {
        name: calls
        for name, calls in found.items()
        if calls.loop > budgets[name][0] or calls.others > budgets[name][1]
    }


def test_no_answer_takes_more_calls_than_its_budget(tmp_path: Path) -> None:
    assert not over(count_calls(tmp_path / "data"), BUDGETS)


def test_no_answer_takes_more_calls_than_its_budget_on_postgresql(
    postgres_place: Place, tmp_path: Path
) -> None:
    store = asyncio.run(database_at(postgres_place.folder))
    assert not over(count_calls(tmp_path / "data", store), POSTGRESQL_BUDGETS)
