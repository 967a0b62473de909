"""The schema that is shown to readers is what the migrations come to."""

import asyncio

import pytest

from docs.generator.schema import POSTGRESQL, SQLITE, VIEWS, schema_of_postgresql, schema_of_sqlite
from lingpai.store.postgresql.schema import all_names
from tests.helpers.postgres import Place, database_at


@pytest.mark.usefixtures("real_migrations")
def test_the_schema_of_sqlite_is_the_migrations() -> None:
    shown = SQLITE.read_text("utf-8")
    assert shown == schema_of_sqlite(), "run `make docs` and commit what it writes"
    assert "CREATE TABLE schema_migrations" in shown


def test_the_schema_of_postgresql_is_the_migrations(postgres_place: Place) -> None:
    shown = POSTGRESQL.read_text("utf-8")
    made = asyncio.run(_schema(postgres_place))
    assert shown.partition(VIEWS)[0] == made.partition(VIEWS)[0], "run `python -m docs.generator.schema DSN`"
    for name in all_names():
        assert f"CREATE TABLE {name} (" in shown or f"CREATE VIEW {name} AS" in shown, name


async def _schema(place: Place) -> str:
    return await schema_of_postgresql(await database_at(place.folder))
