"""Listening sockets: TCP, a Unix socket, or those that systemd passes to the process."""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Final

BACKLOG: Final = 2048
SOCKET_MODE: Final = 0o660
"""Of a Unix socket: its owner and group may connect, such as a reverse proxy in that group."""
PRIVATE_MODE: Final = 0o600
"""Of a Unix socket that its owner alone may use."""
_FIRST_PASSED: Final = 3
"""The descriptor after standard error (sd_listen_fds(3))."""
_PROBE_SECONDS: Final = 1.0


def bind(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; with port 0 the system chooses, see `url_of`.

    Raises:
        OSError: the address is taken, or not ours.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # asyncio switches Nagle's algorithm off only where the protocol is named: 40 ms a request otherwise.
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


@contextlib.contextmanager
def bound_unix(path: Path, mode: int = SOCKET_MODE) -> Iterator[socket.socket]:
    """Listen on a Unix socket while the block runs; its file is removed at the end.

    A file that a killed process left behind is replaced. `mode` is the file's.

    Raises:
        OSError: another process listens there, the path is another kind of file, or it cannot be made.
    """
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        before = os.umask(0o777 & ~mode)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        own = path.stat().st_ino
        made.listen(BACKLOG)
        made.setblocking(False)
        try:
            yield made
        finally:
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == own:  # else a successor has replaced it
                    path.unlink()


def _remove_stale(path: Path) -> None:
    """Remove a socket's file on which no process listens.

    Raises:
        OSError: a process listens, or it is no socket.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "a file that is not a socket is there", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise OSError(errno.EADDRINUSE, "another process listens there", str(path))


def passed_sockets(environment: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """Return the listening sockets that a service manager passes to this process (sd_listen_fds(3)); [] when none.

    The variables are removed, so that no child takes the sockets for its own.

    Raises:
        OSError: what was passed is no listening stream socket.
    """
    mine = environment.pop("LISTEN_PID", "") == str(os.getpid())
    count = environment.pop("LISTEN_FDS", "0")
    environment.pop("LISTEN_FDNAMES", None)
    if not mine or not count.isdecimal():
        return []
    return [_passed(number) for number in range(_FIRST_PASSED, _FIRST_PASSED + int(count))]


def _passed(number: int) -> socket.socket:
    found = socket.socket(fileno=number)
    if found.type != socket.SOCK_STREAM or not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise OSError(
            f"descriptor {number} is not a listening stream socket; use ListenStream= and Accept=no"
        )
    found.set_inheritable(False)
    found.setblocking(False)
    return found


def url_of(bound: socket.socket, scheme: str = "http") -> str:
    """Return `http://host:port` of a bound socket, with the real port; `unix:PATH` of a Unix socket."""
    if bound.family == socket.AF_UNIX:
        return f"unix:{bound.getsockname()}"
    host, port = bound.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def port_of(sockets: Sequence[socket.socket], otherwise: int) -> int:
    """Return the port of the first TCP socket, or `otherwise` when there is none."""
    ports = (each.getsockname()[1] for each in sockets if each.family != socket.AF_UNIX)
    return next(ports, otherwise)
