import re
from pathlib import Path

import apsw

from lingpai.store.sqlite.queries import load_queries
from lingpai.store.sqlite.schema import apply_migrations

TOPICS = ("issuer_grants", "issuer_directory", "issuer_members", "issuer_upkeep")
FOR_OPERATORS = {"list_apps", "list_machines", "list_users", "list_grants", "sealed_secrets", "stale_secrets"}


def anything(query: str) -> dict[str, None] | tuple[None, ...]:
    names = re.findall(r":(\w+)", query)
    return dict.fromkeys(names) if names else (None,) * query.count("?")


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
