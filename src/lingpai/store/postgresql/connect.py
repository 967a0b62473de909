"""Open a connection: to a server that takes writes, with a session of our own."""

import asyncio
import contextlib
import datetime as dt
import socket
import weakref
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import urlencode

import asyncpg
from asyncpg.exceptions import TargetServerAttributeNotMatched

from lingpai.store.libpq import Conninfo, Host, ParameterError, read
from lingpai.store.postgresql import session
from lingpai.store.postgresql.faults import AddressError, NoWriterError, PoolerError, is_fault, unavailable
from lingpai.store.postgresql.hosts import Record, record_of, share
from lingpai.store.postgresql.pooler import SHARED, demand_sessions
from lingpai.store.postgresql.tls import driver_parameters, tls_of

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS: Final = 10.0
"""Seconds to find a host that takes writes, where a statement may take as long as it takes."""
_IDLE_SECONDS: Final = 10.0
"""Where a statement may take as long as it takes, a transaction in which nothing is asked for is ended after these."""
_STATEMENTS_KEPT: Final = 500
_KEEPALIVES: Final = (
    ("TCP_KEEPIDLE", "keepalives_idle", 30),
    ("TCP_KEEPINTVL", "keepalives_interval", 5),
    ("TCP_KEEPCNT", "keepalives_count", 3),
    ("TCP_USER_TIMEOUT", "tcp_user_timeout", 0),
)
"""Options of the client's socket, the parameters that change them, and what they are by default; 0 is the system's."""


class Backend(NamedTuple):
    """The server's side of a connection.

    Attributes:
        server: when the server was started, which distinguishes it from others, and from itself before a restart.
        pid: of its process.
        began: when that did.
    """

    server: dt.datetime
    pid: int
    began: dt.datetime


_backends: "weakref.WeakKeyDictionary[Connection, Backend]" = weakref.WeakKeyDictionary()


def backend_of(connection: Connection) -> Backend:
    """The server's side of a connection that `connect` made."""
    return _backends[connection]


async def connect(dsn: str, patience: float, seconds: float | None = None) -> Connection:
    """Connect to the first of the server's hosts that takes writes; each has its share of the time.

    Args:
        dsn: the database's address.
        patience: seconds for a statement, or 0 for as long as it takes; a transaction in which nothing is asked for
            is ended all the same.
        seconds: for connecting; as for a statement when None.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: it is not possible; of several hosts' errors the one
            that says most.
        TargetServerAttributeNotMatched: no host takes writes.
        AddressError: a parameter of the address cannot be honoured.
        PoolerError: what answers is a pooler that does not keep sessions.
    """
    try:
        info = read(dsn)
    except ParameterError as error:
        raise AddressError(str(error)) from error
    loop = asyncio.get_running_loop()
    until = loop.time() + (seconds or patience or CONNECT_SECONDS)
    record = record_of(dsn)
    hosts = record.order(info.hosts, shuffled=info.given.get("load_balance_hosts") == "random")
    failures: list[tuple[Host, Exception]] = []
    for place, host in enumerate(hosts):
        limit = share(until - loop.time(), len(hosts) - place, info.number("connect_timeout"))
        try:
            connection = await _connect_host(info, host, record, patience, limit)
        except (AddressError, PoolerError):
            raise
        except Exception as error:
            if not is_fault(error):
                raise
            if not isinstance(error, asyncpg.TooManyConnectionsError):
                record.failed(host)
            failures.append((host, error))
        else:
            record.takes_writes(host)
            return connection
    raise _telling(failures)


async def _connect_host(
    info: Conninfo, host: Host, record: Record, patience: float, seconds: float
) -> Connection:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    last: Exception = TimeoutError(f"{host} did not answer within {seconds:.3g} seconds")
    try:
        async with asyncio.timeout(seconds):
            places = await _addresses(host)
            for number, place in enumerate(places):
                try:
                    async with asyncio.timeout(share(until - loop.time(), len(places) - number, None)):
                        return await _connect_place(info, host, place, record, patience)
                except TimeoutError:
                    continue  # the others of a name may answer
                except OSError as error:
                    last = error
    except TimeoutError:
        pass
    raise last


async def _addresses(host: Host) -> list[str]:
    """Return the addresses of a host: all of its name, as one of them may be silent."""
    if host.address or host.is_local:
        return [host.address or host.name]
    found = await asyncio.get_running_loop().getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    return addresses if len(addresses) > 1 else [host.name]


async def _connect_place(
    info: Conninfo, host: Host, place: str, record: Record, patience: float
) -> Connection:
    async with _opening(info, host, place) as connection:
        _keep_alive(connection, info)
        backend = await _begin(connection, info, host, patience)
        _backends[connection] = backend
        if backend.pid != connection.get_server_pid() and not record.keeps_sessions:
            await demand_sessions(connection, lambda: _opening(info, host, place))
            record.keeps_sessions = True
        return connection


@contextlib.asynccontextmanager
async def _opening(info: Conninfo, host: Host, place: str) -> AsyncIterator[Connection]:
    """A connection that is given up when the block fails."""
    connection: Connection = await asyncpg.connect(**_arguments(info, host, place))
    try:
        yield connection
    except BaseException:
        connection.terminate()
        raise


def _arguments(info: Conninfo, host: Host, place: str) -> dict[str, Any]:
    try:
        tls = tls_of(info, host)
    except ParameterError as error:
        raise AddressError(str(error)) from error
    extra = driver_parameters(info) if isinstance(tls, str) else {}
    arguments = {
        "dsn": f"postgresql://?{urlencode(extra)}" if extra else None,
        "host": place,
        "port": host.port,
        "user": info.user,
        "password": info.password(host) or "",
        "database": info.database,
        "ssl": tls,
        "direct_tls": info.given.get("sslnegotiation") == "direct",
        "krbsrvname": info.given.get("krbsrvname"),
        "gsslib": info.given.get("gsslib"),
        "timeout": CONNECT_SECONDS,  # the limits are around it
        "statement_cache_size": _STATEMENTS_KEPT,
        "max_cached_statement_lifetime": 0,
        "target_session_attrs": "any",  # `_begin` looks
        "server_settings": {"application_name": info.session.get("application_name", "lingpai")},
    }
    return {name: value for name, value in arguments.items() if value is not None}


async def _begin(connection: Connection, info: Conninfo, host: Host, patience: float) -> Backend:
    """Give a connection its session, and make sure that it has it and takes writes.

    Returns the server's side of it.
    """
    version = connection.get_server_version()[0]
    try:
        wanted = session.settings_for(version, patience, _IDLE_SECONDS, info.session)
        await connection.execute(session.statement_to_set(wanted))
    except session.ForbiddenSettingError as error:
        raise AddressError(str(error)) from error
    except (asyncpg.UndefinedObjectError, asyncpg.CantChangeRuntimeParamError, asyncpg.DataError) as error:
        raise AddressError(f"The server refuses a setting of the address: {error}.") from error
    row = await connection.fetchrow(session.statement_to_read(wanted))
    server, pid, began, standby, read_only, values = tuple(row or ())
    found = session.Found(server, pid, began, standby, read_only, tuple(values))
    if found.standby or found.read_only:
        raise NoWriterError(f"{host} takes no writes")
    lost = session.lost(wanted, found)
    if lost:
        raise PoolerError(f"Settings of the session do not last ({', '.join(lost)}). {SHARED}")
    return Backend(found.server, found.pid, found.began)


def _keep_alive(connection: Connection, info: Conninfo) -> None:
    """Have the system find out that the other side is gone (libpq's `keepalives*`)."""
    transport: asyncio.BaseTransport = getattr(connection, "_transport")  # noqa: B009  asyncpg shows it nowhere else
    line = transport.get_extra_info("socket")
    if line is None or line.family == socket.AF_UNIX:
        return
    if info.given.get("keepalives", "1") == "0":
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, parameter, usual in _KEEPALIVES:
        value = info.number(parameter)
        value = usual if value is None else value
        if value > 0 and hasattr(socket, option):  # libpq's 0 and less are the system's own
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _telling(failures: list[tuple[Host, Exception]]) -> Exception:
    """Of the errors of all hosts the one that says most; of several that did not answer, one that names all."""
    silent = (OSError, TargetServerAttributeNotMatched, asyncpg.CannotConnectNowError)
    crowded = [error for _, error in failures if isinstance(error, asyncpg.TooManyConnectionsError)]
    spoken = [error for _, error in failures if not isinstance(error, silent)]
    if crowded or spoken or len(failures) == 1:
        return (crowded or spoken or [failures[0][1]])[0]
    said = "; ".join(f"{host}: {str(error) or type(error).__name__}" for host, error in failures)
    kind = type(failures[0][1]) if len({type(error) for _, error in failures}) == 1 else ConnectionError
    return NoWriterError(said) if kind is NoWriterError else ConnectionError(said)


@contextlib.asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Connection]:
    """A connection for as long as the block takes, which may take as long as it takes.

    Raises:
        LingpaiError: STORE_UNAVAILABLE, for faults of the database within the block too.
    """
    try:
        connection = await connect(dsn, 0)
        try:
            yield connection
        finally:
            await connection.close()
    except Exception as error:
        if is_fault(error):
            raise unavailable(error) from error
        raise
