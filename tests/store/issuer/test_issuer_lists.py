"""Lists for operators: by an index, a page at a time, however many rows of others there are."""

import re
from pathlib import Path
from typing import Any

import apsw

from lingpai.core.issuer_records import App, GrantView, Terminal
from lingpai.store.issuer_port import Listed
from lingpai.store.postgresql.connect import connect
from lingpai.store.postgresql.queries import load_queries as load_postgresql
from lingpai.store.sqlite.queries import load_queries
from lingpai.store.sqlite.schema import apply_migrations
from tests.helpers.postgres import Place, database_at
from tests.issuer.engines import execute
from tests.issuer.harness import Harness
from tests.store.issuer.issuer_races import NOW
from tests.store.issuer.test_issuer_plans import anything

TEXTS = "name mode redirect_uris domains networks grants scopes permissions audience owner"
"""Columns of an app that may be empty."""
ROWS = 4000
MANY = f"""
WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS})
INSERT INTO issuer_grants (realm, kind, app_row, challenge, challenge_method, nonce, audience, state, generation,
    rotated_at, created_at, ends_at, limit_at, look_at, end_reason)
SELECT 'yzb', 1, {{app}}, '', '', '', '', 1, 1, 0, 0, 1, 1, 4000000000, '' FROM s
"""


async def test_lists_of_grants_look_at_no_more_than_they_show(harness: Harness) -> None:
    """A table of many grants, none of them of the app, the terminal, the user or the realm that are asked for."""
    store = harness.issuer.store
    for _ in range(3):
        await harness.tokens()
    elsewhere = await store.add_app(App(realm="elsewhere", app_id="1"))
    assert elsewhere is not None
    terminal = await store.save_terminal(Terminal(realm="elsewhere", machine_code="m"), NOW)
    await execute(store, MANY.format(app=harness.app.id))
    asked: tuple[dict[str, Any], ...] = (
        {"app": elsewhere.id},
        {"terminal": terminal.id},
        {"user": harness.user.id + 1},
        {"app": elsewhere.id, "user": harness.user.id},
        {},
    )
    for names in asked:
        assert await store.list_grants("elsewhere", NOW, None, 10, **names) == Listed((), None)
    found: list[GrantView] = []
    before: int | None = None
    pages = 0
    while pages == 0 or before is not None:
        page = await store.list_grants(harness.issuer.realm, harness.issuer.now(), before, 500)
        before, pages = page.before, pages + 1
        found += page.views
    assert (len(found), pages) == (3, ROWS // 500 + 1)  # the ended ones are passed over, a page at a time


def test_lists_of_grants_go_by_an_index_of_what_they_are_for(tmp_path: Path) -> None:
    apply_migrations(tmp_path / "lingpai.db")
    connection = apsw.Connection(str(tmp_path / "lingpai.db"))
    queries = load_queries("issuer_grants")
    found = {}
    for name in ("list_grants", "list_grants_of_app", "list_grants_of_terminal", "list_grants_of_user"):
        plan = [
            row[3]
            for row in connection.execute("EXPLAIN QUERY PLAN " + queries[name], anything(queries[name]))
        ]
        found[name] = [step.split("INDEX ")[1] for step in plan if re.search(r"issuer_grants_by", step)]
    connection.close()
    assert found == {
        "list_grants": ["issuer_grants_by_app (app_row=? AND rowid<?)"],
        "list_grants_of_app": ["issuer_grants_by_app (app_row=? AND rowid<?)"],
        "list_grants_of_terminal": ["issuer_grants_by_terminal (machine_row=? AND rowid<?)"],
        "list_grants_of_user": ["issuer_grants_by_user (user_row=? AND id<?)"],
    }


async def test_lists_of_grants_go_by_an_index_in_postgresql(postgres_place: Place) -> None:
    """On a full table, also by plans that are made for any value."""
    connection = await connect(await database_at(postgres_place.folder), 5)
    topics = ("issuer_grants", "issuer_directory", "issuer_members")
    queries = {name: query for topic in topics for name, query in load_postgresql(topic).items()}
    await connection.execute(MANY.format(app=1))
    texts = TEXTS.split()
    columns = ", ".join(["realm", *texts, "app_id", "listed", "disabled", "public", "created_at"])
    values = ", ".join(["'r'", *["''"] * len(texts), "n", "true", "false", "false", "0"])
    apps = f"INSERT INTO issuer_apps ({columns}) SELECT {values} FROM generate_series(1, 50) AS s (n)"
    await connection.execute(apps)
    await connection.execute("UPDATE issuer_grants SET machine_row = 1 + id % 2, user_row = 1 + id % 2")
    users = "realm, login, password_hash, nick, avatar, sex, seller_name, disabled, created_at"
    many = f"SELECT 'q', n, '', '', '', '', '', false, 0 FROM generate_series(1, {ROWS}) AS s (n)"
    await connection.execute(f"INSERT INTO issuer_users ({users}) {many}")
    members = "app_row, user_row, open_id, permissions, added, created_at"
    many = f"SELECT 1, n, n, '', true, 0 FROM generate_series(1, {ROWS}) AS s (n)"
    await connection.execute(f"INSERT INTO issuer_members ({members}) {many}")
    await connection.execute("ANALYZE issuer_grants, issuer_apps, issuer_users, issuer_members")
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    found = {}
    for name, values, index in (
        ("list_grants", "('r', 1000000, 10)", "issuer_grants_by_app"),
        ("list_grants_of_app", "(9, 1000000, 10)", "issuer_grants_by_app"),
        ("list_grants_of_terminal", "(9, 1000000, 10)", "issuer_grants_by_terminal"),
        ("list_grants_of_user", "(9, 1000000, 10)", "issuer_grants_by_user"),
        ("list_user_grants", "(9, 7, 0, 10)", "issuer_grants_by_user"),
        ("list_users", "('r', 0, 10)", "issuer_users_by_realm"),
        ("find_users", "('r', 'a', 'ab', 'b', 10)", "issuer_users_by_key"),
        ("list_members", "(9, 0, 10)", "issuer_members_added"),
    ):
        await connection.execute(f"PREPARE {name} AS {queries[name]}")
        plan = [row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE {name}{values}")]
        if not any(index in step for step in plan) or any("Sort Key: v" in step for step in plan):
            found[name] = "\n".join(plan)
    await connection.close()
    assert found == {}
