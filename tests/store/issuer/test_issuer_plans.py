import re
from pathlib import Path

import apsw
import asyncpg

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Terminal
from lingpai.core.keyring import KeyRing
from lingpai.store.issuer_port import RequestKey
from lingpai.store.postgresql.connect import connect
from lingpai.store.postgresql.issuer import PostgresIssuerStore
from lingpai.store.postgresql.queries import load_queries as load_postgresql
from lingpai.store.sqlite.queries import load_queries
from lingpai.store.sqlite.schema import apply_migrations
from tests.helpers.postgres import Place, database_at
from tests.store.issuer.issuer_races import LATER, NOW, code, quota, signed, token

TOPICS = (
    *("issuer_grants", "issuer_directory", "issuer_members", "issuer_upkeep", "issuer_passwords"),
    "issuer_signing_keys",
    "issuer_registrations",
    *("issuer_pushed", "issuer_devices", "issuer_identities"),
)
FOR_OPERATORS = {"sealed_secrets", "stale_secrets", "sealed_passwords", "stale_passwords"}
FOR_OPERATORS |= {"sealed_signing_keys", "stale_signing_keys"}
FOR_OPERATORS |= {"sealed_login_keys", "stale_login_keys", "sealed_subjects", "stale_subjects"}


def anything(query: str) -> dict[str, None] | tuple[None, ...]:
    names = re.findall(r":(\w+)", query)
    numbers = [int(number) for number in re.findall(r"\?(\d+)", query)]
    return dict.fromkeys(names) if names else (None,) * max(numbers, default=query.count("?"))


def test_no_verb_but_operators_looks_at_more_than_it_needs(tmp_path: Path) -> None:
    apply_migrations(tmp_path / "lingpai.db")
    connection = apsw.Connection(str(tmp_path / "lingpai.db"))
    scans = {}
    for topic in TOPICS:
        for name, query in load_queries(topic).items():
            plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + query, anything(query))]
            bad = [step for step in plan if re.match(r"SCAN (?!chain|CONSTANT|\(subquery)", step)]
            if bad and name not in FOR_OPERATORS and not name.startswith("end_"):
                scans[name] = bad
    connection.close()
    assert scans == {}


def test_ending_all_costs_one_look_at_the_last_row(tmp_path: Path) -> None:
    apply_migrations(tmp_path / "lingpai.db")
    connection = apsw.Connection(str(tmp_path / "lingpai.db"))
    program = [row[1] for row in connection.execute("EXPLAIN SELECT max(id) FROM issuer_grants")]
    connection.close()
    assert "Last" in program  # it goes to the last row and does not walk


async def test_no_verb_but_operators_reads_a_whole_table_in_postgresql(postgres_place: Place) -> None:
    connection = await connect(await database_at(postgres_place.folder), 5)
    scans = {}
    for topic in TOPICS:
        for name, query in load_postgresql(topic).items():
            await connection.execute(f"PREPARE {name} AS {query}")
            count = max((int(number) for number in re.findall(r"\$(\d+)", query)), default=0)
            values = f"({', '.join(['NULL'] * count)})" if count else ""
            plan = [row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE {name}{values}")]
            bad = [step for step in plan if "Seq Scan" in step]
            if bad and name not in FOR_OPERATORS:
                scans[name] = bad
    await connection.close()
    assert scans == {}


async def test_no_function_reads_a_whole_table(
    postgres_place: Place, ring: KeyRing, clock: VirtualClock
) -> None:
    store = await PostgresIssuerStore.open(await database_at(postgres_place.folder), ring, clock)
    added = await store.add_app(App(realm="r", app_id="a"))
    assert added is not None
    app = added.id
    terminal = (await store.save_terminal(Terminal(realm="r", machine_code="m"), NOW)).id
    for number in range(3):
        request = RequestKey(b"request %d" % number, LATER)
        answer = await store.answer_request(request, code(app, terminal))
        assert answer == await store.read_answer(request.digest)
        await store.refuse_request(request)
        view = await store.read_grant(answer.grant or 0)
        assert view is not None
        made = view.grant
        guards = (quota(app, number), signed(app, number))
        await store.redeem(made, NOW, LATER, 0, guards[0], request=guards[1])
        guards = (quota(app, number), signed(app, number + 10))
        await store.rotate(made, 1, NOW, LATER, 60, guards[0], end_replayed=True, request=guards[1])
        await store.set_key(terminal, b"shown", LATER)
        guards = (quota(app, number), signed(app, number + 20))
        await store.take_slot(
            token(app, terminal), seen=1, keep=0, quota=guards[0], key_digest=b"shown", request=guards[1]
        )
        await store.take_quota(quota(app, number))
        await store.take_attempts([(b"digest", 5)], NOW, LATER)
    await store.close()
    scans = "SELECT relname FROM pg_stat_user_tables WHERE relname LIKE 'issuer_%' AND seq_scan > 0"
    used = "SELECT count(*) FROM pg_stat_user_tables WHERE relname LIKE 'issuer_%' AND idx_scan > 0"
    connection = await asyncpg.connect(await database_at(postgres_place.folder))
    assert await connection.fetchval(used) > 5
    assert await connection.fetch(scans) == []
    await connection.close()
