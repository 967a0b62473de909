import contextlib

import apsw
import pytest

from lingpai.store.sqlite.schema import pending_migrations as pending
from tests.cli.conftest import Cli


def test_a_dry_run_lists_everything_and_makes_nothing(cli: Cli) -> None:
    names = cli("migrate", "--dry-run").json["pending"]
    assert names == list(pending(cli.data / "lingpai.db"))
    assert names
    assert not cli.data.exists()


@pytest.mark.usefixtures("real_migrations")
def test_what_was_pending_is_applied_once(cli: Cli) -> None:
    wanted = cli("migrate", "--dry-run").json["pending"]
    assert cli("migrate").json == {"dry_run": False, "applied": wanted}
    assert cli("migrate").json["applied"] == []
    assert cli("migrate", "--dry-run").json["pending"] == []


def test_a_damaged_store_is_one_line(cli: Cli) -> None:
    cli("migrate")
    for name in ("lingpai.db-wal", "lingpai.db-shm"):
        (cli.data / name).unlink(missing_ok=True)
    (cli.data / "lingpai.db").write_bytes(b"this is no database, however long it is read" * 100)
    refused = cli("migrate")
    assert refused.code == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "NotADBError" in refused.stderr


def test_a_newer_schema_does_not_stop_older_code(cli: Cli) -> None:
    cli("migrate")
    with contextlib.closing(apsw.Connection(str(cli.data / "lingpai.db"))) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, '9999_later.sql', 0)")
    assert cli("migrate").json["applied"] == []
