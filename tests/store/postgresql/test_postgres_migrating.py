"""Migrations on a table that is large and in use: nobody is stalled, and what was interrupted goes on."""

import asyncio
import random
import re
import time
from typing import Any

import asyncpg
import pytest

from lingpai.store.postgresql import schema, steps
from lingpai.store.postgresql.connect import connect
from lingpai.store.postgresql.schema import all_migrations, apply_migrations, pending_migrations
from lingpai.store.postgresql.steps import Step, steps_of
from tests.helpers.effort import FULL
from tests.helpers.postgres import Place
from tests.store.postgresql.hardship import run

ROWS = 1_000_000 if FULL else 60_000
FIRST = 3
"""The migrations that made the tables; all later ones meet tables that are full."""
LONGEST = 1.0
"""Seconds that anybody may be stalled."""
FILL = f"""
INSERT INTO issuer_grants (
    realm, kind, app_row, user_row, machine_row, member_row, challenge, challenge_method, nonce, audience, state,
    generation, rotated_at, created_at, ends_at, limit_at
) SELECT 'r', 1, 1 + n % 50, 1 + n % 1000, NULLIF(n % 10, 0), 1 + n % 1000, '', '', '', '', n % 2, 1, 0, 0,
    2000000000 + n, 2000000000 FROM generate_series(1, {ROWS}) AS s (n)
"""
FILL_USERS = f"""
INSERT INTO issuer_users (realm, login, password_hash, nick, avatar, sex, seller_name, disabled, created_at)
SELECT 'r', CASE n % 3 WHEN 0 THEN 'user' WHEN 1 THEN 'User' ELSE ' USER' END || n / 2, '', '', '', '3', '', false, 0
FROM generate_series(1, {ROWS}) AS s (n)
"""
READ = "SELECT state, ends_at FROM issuer_grants WHERE id = $1"
ROTATE = "UPDATE issuer_grants SET generation = generation + 1, ends_at = ends_at + 1 WHERE id = $1"
RENAME = "UPDATE issuer_users SET nick = nick || 'n' WHERE id = $1"
ADD = """
INSERT INTO issuer_grants (realm, kind, app_row, challenge, challenge_method, nonce, audience, state, generation,
    rotated_at, created_at, ends_at, limit_at)
VALUES ('r', 1, 1, '', '', '', '', 1, 1, 0, 0, $1, 2000000000) RETURNING id
"""


@pytest.fixture
async def empty(postgres_place: Place) -> str:
    name = postgres_place.prefix + "large"
    await run(postgres_place.server, f'CREATE DATABASE "{name}"')
    return postgres_place.dsn(name)


async def work(dsn: str, seed: int, stop: asyncio.Event) -> tuple[float, int]:
    """Use the table as a node of the release before does; returns the longest wait, and how many calls there were."""
    draw, longest, calls = random.Random(seed), 0.0, 0
    connection = await connect(dsn, 30.0)
    try:
        while not stop.is_set():
            for statement, argument in (
                (READ, draw.randint(1, ROWS)),
                (ROTATE, draw.randint(1, ROWS)),
                (RENAME, draw.randint(1, ROWS)),
                (ADD, draw.randint(1, ROWS)),
            ):
                began = time.monotonic()
                await connection.fetch(statement, argument)
                longest = max(longest, time.monotonic() - began)
                calls += 1
            await asyncio.sleep(0.005)
    finally:
        await connection.close()
    return longest, calls


async def test_no_migration_stalls_anybody_on_a_large_table(empty: str) -> None:
    known = all_migrations()
    await apply_migrations(empty, {number: each for number, each in known.items() if number <= FIRST})
    await run(empty, FILL, FILL_USERS, "ANALYZE issuer_grants, issuer_users")
    stop = asyncio.Event()
    workers = [asyncio.ensure_future(work(empty, seed, stop)) for seed in range(3)]
    try:
        applied = await apply_migrations(empty)
    finally:
        stop.set()
    found = await asyncio.gather(*workers)
    assert len(applied) == len(known) - FIRST
    assert min(calls for _, calls in found) > 50
    assert max(longest for longest, _ in found) < LONGEST
    assert await run(empty, "SELECT FROM issuer_grants WHERE look_at > ends_at OR look_at = 0 LIMIT 1") == []
    assert await run(empty, "SELECT FROM issuer_users WHERE login_key IS NULL LIMIT 1") == []
    assert await run(empty, "SELECT FROM pg_index WHERE NOT indisvalid") == []
    assert await run(empty, "SELECT FROM schema_steps") == []


def test_there_are_migrations_of_every_kind() -> None:
    names = [step.kind for _, script in all_migrations().values() for step in steps_of(script)]
    assert {"transaction", "concurrently", "batches"} == set(names)


@pytest.mark.parametrize("number", [number for number in all_migrations() if number > FIRST])
def test_no_migration_does_what_stalls_others_in_a_transaction(number: int) -> None:
    """Indexes on tables that were there before, and rows in bulk, have steps of their own."""
    _, script = all_migrations()[number]
    made = set(re.findall(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", script, re.MULTILINE))
    for step in steps_of(script):
        bare = re.sub(r"\$\$.*?\$\$", "", re.sub(r"--.*", "", step.script), flags=re.DOTALL)
        if step.kind == "transaction":
            indexed = re.findall(r"CREATE (?:UNIQUE )?INDEX \w+ ON (\w+)", bare)
            assert set(indexed) <= made, "-- step: concurrently"
            touched = re.findall(r"^(?:UPDATE|DELETE FROM|INSERT INTO) (?!roles\b)(\w+)", bare, re.MULTILINE)
            assert set(touched) <= made, "-- step: batches"
            assert not re.search(
                r"SET NOT NULL|ALTER COLUMN \w+ TYPE|VALIDATE CONSTRAINT|ADD PRIMARY KEY", bare
            )


def test_steps_of_a_script() -> None:
    assert steps_of("CREATE TABLE a ();") == [Step("transaction", "", "CREATE TABLE a ();")]
    script = "-- why\n-- step: transaction\nA;\n-- step: batches t\nB;\n-- step: concurrently\nC;\n"
    assert [(each.kind, each.table) for each in steps_of(script)] == [
        ("transaction", ""),
        ("batches", "t"),
        ("concurrently", ""),
    ]
    assert steps_of("A;\n-- step: concurrently\nC;\n")[0].kind == "transaction"


BEFORE = """
CREATE TABLE w (id bigint PRIMARY KEY, n int NOT NULL DEFAULT 0);
INSERT INTO w SELECT generate_series(1, 5000);
"""
IN_STEPS = """
ALTER TABLE w ADD COLUMN m int;
-- step: batches w
UPDATE w SET m = 1 / (n + 1), n = n + 1 WHERE id > $1 AND id <= $2;
-- step: concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS w_by_m ON w (m);
-- step: transaction
CREATE TABLE after_w ();
"""


async def test_what_was_interrupted_goes_on_where_it_was(empty: str) -> None:
    both = {1: ("0001_w.sql", BEFORE), 2: ("0002_steps.sql", IN_STEPS)}
    await apply_migrations(empty, {1: both[1]})
    await run(empty, "UPDATE w SET n = -1 WHERE id = 4000")  # divides by zero
    with pytest.raises(asyncpg.DivisionByZeroError):
        await apply_migrations(empty, both)
    [(done, through)] = [tuple(row) for row in await run(empty, "SELECT done, through FROM schema_steps")]
    assert done == 1
    assert 0 < through < 4000
    await run(empty, "UPDATE w SET n = 0 WHERE id = 4000")
    assert await apply_migrations(empty, both) == ("0002_steps.sql",)
    assert [tuple(row) for row in await run(empty, "SELECT min(n), max(n), count(m) FROM w")] == [
        (1, 1, 5000)
    ]
    assert await run(empty, "SELECT FROM schema_steps") == []


AT_ONCE = """
SELECT id, CASE place WHEN 1 THEN lower(btrim(login)) ELSE ' ' || login END FROM (
    SELECT id, login, row_number() OVER (
        PARTITION BY realm, lower(btrim(login)) ORDER BY login <> lower(btrim(login)), id
    ) AS place FROM issuer_users WHERE login ~ '^[ -~]*$'
) AS k
UNION ALL SELECT id, NULL FROM issuer_users WHERE login !~ '^[ -~]*$' ORDER BY id
"""
"""The keys as 0012 gave them where it was applied in one transaction."""


@pytest.mark.parametrize("seed", range(3))
async def test_keys_of_logins_are_the_same_in_batches_as_at_once(
    empty: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is interrupted, and whichever twins are in one batch."""
    known = all_migrations()
    draw = random.Random(seed)
    for name, size in (("_FEWEST", 1), ("_FIRST", 7), ("_MOST", 13)):
        monkeypatch.setattr(steps, name, size)
    await apply_migrations(empty, {number: each for number, each in known.items() if number < 12})
    logins = {
        (draw.choice("rs"), draw.choice(("", " ")) + "".join(draw.choice(pair) for pair in name))
        for name in (("aA", "bB"), ("aA", "bB", "cC"), ("zé", "a"))
        for _ in range(20)
    }
    rows = ", ".join(
        f"('{r}', '{login}', '', '', '', '3', '', false, 0)"
        for r, login in draw.sample([*sorted(logins)], len(logins))
    )
    columns = "realm, login, password_hash, nick, avatar, sex, seller_name, disabled, created_at"
    await run(empty, f"INSERT INTO issuer_users ({columns}) VALUES {rows}")
    stops = "CREATE TRIGGER stops BEFORE UPDATE ON issuer_users FOR EACH ROW WHEN (NEW.id = 20) EXECUTE FUNCTION stop()"
    await run(
        empty, "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''stop''; END'", stops
    )
    twelve = {number: each for number, each in known.items() if number <= 12}
    with pytest.raises(asyncpg.RaiseError):
        await apply_migrations(empty, twelve)
    half = await run(
        empty, "SELECT count(*) FILTER (WHERE login_key IS NULL), count(login_key) FROM issuer_users"
    )
    assert min(half[0]) > 0
    await run(empty, "DROP TRIGGER stops ON issuer_users")
    assert await apply_migrations(empty, twelve) == (known[12][0],)
    found = await run(empty, "SELECT id, login_key FROM issuer_users ORDER BY id")
    assert [tuple(row) for row in found] == [tuple(row) for row in await run(empty, AT_ONCE)]
    assert await run(
        empty, "SELECT FROM pg_indexes WHERE indexname = 'issuer_users_by_key' AND indexdef ~ 'UNIQUE'"
    )


async def test_an_index_that_was_left_half_made_is_made_anew(empty: str) -> None:
    both = {1: ("0001_w.sql", BEFORE), 2: ("0002_steps.sql", IN_STEPS)}
    await apply_migrations(empty, {1: both[1]})
    await run(empty, "ALTER TABLE w ADD COLUMN unlike int", "UPDATE w SET unlike = 1")
    with pytest.raises(asyncpg.UniqueViolationError):
        await run(empty, "CREATE UNIQUE INDEX CONCURRENTLY w_by_m ON w (unlike)")
    assert await apply_migrations(empty, both) == ("0002_steps.sql",)
    assert await run(empty, "SELECT FROM pg_index WHERE NOT indisvalid") == []
    [(made,)] = await run(empty, "SELECT indexdef FROM pg_indexes WHERE indexname = 'w_by_m'")
    assert made.endswith("(m)")


async def test_a_migration_lets_others_go_first(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is not to be had at once is asked for again later, so that nobody queues behind it for long."""
    monkeypatch.setattr(steps, "LOCK_SECONDS", 0.1)
    both = {1: ("0001_w.sql", BEFORE), 2: ("0002_more.sql", "ALTER TABLE w ADD COLUMN more int;")}
    await apply_migrations(empty, {1: both[1]})
    long = await connect(empty, 30.0)
    async with long.transaction():
        await long.fetch("SELECT FROM w LIMIT 1")
        migrating = asyncio.ensure_future(apply_migrations(empty, both))
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            await run(empty, "SELECT FROM w WHERE id = 1")
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.05)
        assert slowest < LONGEST
        assert not migrating.done()
    await long.close()
    assert await migrating == ("0002_more.sql",)


async def test_nodes_that_wait_do_not_delay_an_index(empty: str) -> None:
    both = {1: ("0001_w.sql", BEFORE), 2: ("0002_steps.sql", IN_STEPS)}
    await apply_migrations(empty, {1: both[1]})
    async with asyncio.timeout(60):
        found: list[Any] = await asyncio.gather(*(apply_migrations(empty, both) for _ in range(4)))
    assert sorted(found) == [(), (), (), ("0002_steps.sql",)]
    assert schema.all_names()
    assert len(await pending_migrations(empty)) == len(all_migrations()) - 2
