"""A real PgBouncer between us and the server: it does when it keeps sessions, and is refused in a line when not."""

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lingpai.store.postgresql import hosts as ordering
from lingpai.store.postgresql.connect import connect
from lingpai.store.postgresql.engine import Engine
from tests.helpers.postgres_server import Server
from tests.prepare import find_command
from tests.store.postgresql.hardship import READ, add, refused, well_again
from tests.store.postgresql.test_postgres_session import WANTED

PATIENCE = 5.0
PROGRAM = find_command("pgbouncer")
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="NOT TESTED: there is no PgBouncer here; tests/prepare.py gets it where it can"
)


@pytest.fixture(params=["session", "transaction", "statement"])
def mode(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def pooled(fragile: Server, mode: str) -> Iterator[str]:
    """The address of "lingpai" behind a PgBouncer of this mode, with its own defaults otherwise."""
    folder = fragile.folder / f"bouncer-{mode}"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "users").write_text('"lingpai" ""\n', "utf-8")
    (folder / "pgbouncer.ini").write_text(
        f"""
[databases]
lingpai = host={fragile.folder} user=lingpai
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = 12
""",
        "utf-8",
    )
    for each in (folder, *folder.iterdir()):
        each.chmod(0o755 if each.is_dir() else 0o644)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROGRAM), str(folder / "pgbouncer.ini")], user=fragile.owner, stdout=log, stderr=log
        )
    try:
        _wait_for(port, process, folder / "log")
        yield f"postgresql://lingpai@127.0.0.1:{port}/lingpai?sslmode=disable"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < give_up
            time.sleep(0.02)
        else:
            return


@pytest.fixture(autouse=True)
def _unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of any pooler."""
    monkeypatch.setattr(ordering, "_records", {})


@pytest.mark.parametrize("mode", ["session"], indirect=True)
async def test_a_pooler_that_keeps_sessions_does_and_is_named(
    pooled: str, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await connect(pooled, PATIENCE)
    for name, value in WANTED.items():
        assert await connection.fetchval(f"SHOW {name}") == value, "although PgBouncer passes none of them on"
    await connection.close()
    engine = await Engine.open(pooled, patience=PATIENCE)
    try:
        await asyncio.gather(*(add(engine, number) for number in range(50)))
        assert await engine.read(READ, 7) == [(7, "")]
        await well_again(engine)
    finally:
        await engine.close()
    said = [each.message for each in caplog.records if "pooler" in each.message]
    assert len(said) == 1, "once for all connections"


@pytest.mark.parametrize("mode", ["transaction", "statement"], indirect=True)
async def test_a_pooler_that_shares_sessions_is_refused_in_one_line(
    pooled: str, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    fault = await refused(Engine.open(pooled, patience=PATIENCE))
    assert "pool_mode = session" in (fault.detail or "")
    assert "\n" not in (fault.detail or "")
    assert not [each for each in caplog.records if each.exc_info]
    fault = await refused(Engine.open(pooled, patience=PATIENCE))
    assert "pool_mode = session" in (fault.detail or ""), "with the server's sessions made already, too"
