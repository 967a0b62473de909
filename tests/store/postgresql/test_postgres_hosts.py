"""Several hosts: a silent one takes its share of the time and no more; who took writes last is asked first."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lingpai.store.libpq import Host
from lingpai.store.postgresql import hosts as ordering
from lingpai.store.postgresql.connect import connect
from lingpai.store.postgresql.engine import Engine
from lingpai.store.postgresql.faults import NoWriterError
from lingpai.store.postgresql.hosts import Record, share
from lingpai.store.postgresql.schema import apply_migrations, pending_migrations
from tests.store.postgresql.hardship import READ, add, refused

PATIENCE = 2.0
Silence = Callable[[], contextlib.AbstractContextManager[int]]


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """A port where connections are made and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextlib.contextmanager
def dropping() -> Iterator[int]:
    """A port whose backlog is full: packets are dropped, as by a machine that lost its power."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, contextlib.ExitStack() as stack:
        port = listening.getsockname()[1]
        for _ in range(4):
            line = stack.enter_context(socket.socket())
            line.setblocking(False)
            line.connect_ex(("127.0.0.1", port))
        yield port


@pytest.fixture(params=[deaf, dropping])
def silent(request: pytest.FixtureRequest) -> Iterator[int]:
    kind: Silence = request.param
    with kind() as port:
        yield port


@pytest.fixture(autouse=True)
def _unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of any host."""
    monkeypatch.setattr(ordering, "_records", {})


def folder_of(dsn: str) -> str:
    return parse_qs(urlsplit(dsn).query)["host"][0]


def behind(dsn: str, *ports: int) -> str:
    """The address with silent hosts before the one that answers."""
    names = ",".join(["127.0.0.1"] * len(ports) + [folder_of(dsn)])
    return f"{dsn.partition('?')[0]}?host={names}&port={','.join(map(str, ports))},5432"


async def test_a_silent_host_before_the_one_that_answers(dsn: str, silent: int) -> None:
    began = time.monotonic()
    engine = await Engine.open(behind(dsn, silent), patience=PATIENCE)  # its listener as well
    try:
        assert await add(engine, 1) == 1
        assert time.monotonic() - began < PATIENCE
        began = time.monotonic()
        assert await asyncio.gather(*(engine.rows(f"SELECT {n} FROM pg_sleep(0.05)") for n in range(4))) == (
            [[(n,)] for n in range(4)]
        )
        assert time.monotonic() - began < PATIENCE / 2, "who took writes last is asked first"
    finally:
        await engine.close()


async def test_two_silent_hosts_leave_the_third_its_share(dsn: str, silent: int) -> None:
    engine = await Engine.open(behind(dsn, silent, silent), patience=PATIENCE)
    try:
        await add(engine, 1)
        assert await engine.read(READ, 1) == [(1, "")]
    finally:
        await engine.close()


async def test_migrations_pass_by_a_silent_host(
    dsn: str, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lingpai.store.postgresql.connect.CONNECT_SECONDS", PATIENCE)
    async with asyncio.timeout(3 * PATIENCE):
        assert await pending_migrations(behind(dsn, silent)) == ()
        assert await apply_migrations(behind(dsn, silent)) == ()


async def test_where_all_are_silent_each_is_named(silent: int) -> None:
    began = time.monotonic()
    dsn = f"postgresql://lingpai@127.0.0.1:{silent},localhost:{silent}/lingpai"
    fault = await refused(Engine.open(dsn, patience=1.0))
    assert time.monotonic() - began < 2.0
    for host in ("127.0.0.1", "localhost"):
        assert f"{host}:{silent} did not answer within" in (fault.detail or "")


async def test_one_silent_host_is_named(silent: int) -> None:
    fault = await refused(Engine.open(f"postgresql://lingpai@127.0.0.1:{silent}/lingpai", patience=0.5))
    assert f"127.0.0.1:{silent} did not answer within 0.5 seconds" in (fault.detail or "")


async def test_connect_timeout_is_for_each_host(dsn: str, silent: int) -> None:
    began = time.monotonic()
    connection = await connect(behind(dsn, silent) + "&connect_timeout=1", 20.0)
    assert time.monotonic() - began < 5.0
    await connection.close()


@contextlib.asynccontextmanager
async def relayed(folder: str, address: str, port: int) -> AsyncIterator[None]:
    """The server's socket, behind an address of this machine."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_unix_connection(str(Path(folder) / ".s.PGSQL.5432"))
        await asyncio.gather(pass_on(reader, ours), pass_on(theirs, writer), return_exceptions=True)

    server = await asyncio.start_server(relay, address, port)
    async with server:
        yield
        server.close()


async def test_one_silent_address_of_a_name_that_has_several(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def two(host: str, *rest: object, **more: object) -> list[object]:
        names = ("127.0.0.2", "127.0.0.1") if host == "db.test" else (host,)
        return [each for name in names for each in resolve(name, *rest, **more)]  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with socket.create_server(("127.0.0.2", 0)) as listening:
        port = listening.getsockname()[1]
        async with relayed(folder_of(dsn), "127.0.0.1", port):
            database = urlsplit(dsn).path
            connection = await connect(
                f"postgresql://lingpai@db.test:{port}{database}?sslmode=disable", PATIENCE
            )
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()


async def test_the_client_notices_by_itself_that_the_other_side_is_gone(dsn: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with relayed(folder_of(dsn), "127.0.0.1", port):
        base = f"postgresql://lingpai@127.0.0.1:{port}{urlsplit(dsn).path}?sslmode=disable"
        for query, kept, idle in (("", 1, 30), ("&keepalives_idle=7", 1, 7), ("&keepalives=0", 0, None)):
            connection = await connect(base + query, PATIENCE)
            line = getattr(connection, "_transport").get_extra_info("socket")  # noqa: B009  not in its types
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == kept
            if idle is not None:
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == idle
            await connection.close()


A, B, C = (Host(name, 5432) for name in "abc")


def test_the_order_of_hosts() -> None:
    record = Record()
    assert record.order((A, B, C), shuffled=False) == [A, B, C]
    record.takes_writes(B)
    assert record.order((A, B, C), shuffled=False) == [B, A, C]
    record.failed(B)
    assert record.order((A, B, C), shuffled=False) == [A, C, B]
    record.failed(A)
    assert record.order((A, B, C), shuffled=False) == [C, B, A]
    record.takes_writes(A)
    assert record.order((A, B, C), shuffled=True)[0] == A


def test_a_host_gets_its_share_and_what_others_did_not_need() -> None:
    assert share(6.0, 3, None) == 2.0
    assert share(5.9, 2, None) == pytest.approx(2.95)
    assert share(6.0, 1, 2) == 2.0
    assert share(6.0, 3, 0) == 2.0
    assert share(-1.0, 1, None) > 0


async def test_an_error_that_says_more_than_silence_is_the_one_that_is_reported(
    dsn: str, silent: int
) -> None:
    nowhere = behind(dsn, silent).replace(urlsplit(dsn).path, "/nowhere")
    fault = await refused(Engine.open(nowhere, patience=PATIENCE))
    assert "InvalidCatalogNameError" in (fault.detail or "")


async def test_standbys_alone_are_named_as_such(dsn: str) -> None:
    read_only = dsn + "&options=-c%20default_transaction_read_only%3Don"
    with pytest.raises(NoWriterError, match="takes no writes"):
        await connect(read_only, PATIENCE)
