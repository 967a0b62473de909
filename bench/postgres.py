"""A PostgreSQL of the bench's own: a cluster made once, copied for each start, durable as PostgreSQL is shipped."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.contender import Command, Role
from bench.copying import copy_folder
from bench.machine import find
from bench.places import CACHE
from bench.processes import ContenderError

TOOLS = ("postgres", "setpriv")
_ADMIN = "lingpai"
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 512MB
max_wal_size = 4GB
fsync = on
synchronous_commit = on
full_page_writes = on
"""
_SERVANT = "postgres"
"""PostgreSQL does not run as root; then it runs as the user that Debian's package makes."""


def url(port: int) -> str:
    """Where a cluster that listens on ``port`` is reached."""
    return f"postgresql://{_ADMIN}@127.0.0.1:{port}/postgres"


def _program(name: str) -> str:
    return str(Path(find("postgres") or "postgres").resolve().with_name(name))


def _as_servant(argv: Sequence[str]) -> tuple[str, ...]:
    if os.geteuid():
        return tuple(argv)
    return ("setpriv", f"--reuid={_SERVANT}", f"--regid={_SERVANT}", "--clear-groups", *argv)


def _own(folder: Path) -> None:
    """Let the one who runs PostgreSQL have ``folder``, and reach it."""
    if os.geteuid():
        return
    servant = pwd.getpwnam(_SERVANT)
    for parent in folder.parents:
        if parent.is_relative_to(CACHE):
            parent.chmod(parent.stat().st_mode | 0o011)
        elif not parent.stat().st_mode & 0o001:
            raise ContenderError(f"the user {_SERVANT} cannot reach {folder}: {parent} is closed to others")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, servant.pw_uid, servant.pw_gid)


def make(folder: Path) -> None:
    """Make a fresh cluster in ``folder``.

    Raises:
        ContenderError: initdb failed, or the folder is out of reach.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    _own(folder)
    options = ("--auth", "trust", "--username", _ADMIN, "--encoding", "UTF8", "--locale", "C", "--no-sync")
    argv = _as_servant((_program("initdb"), "--pgdata", str(folder), *options))
    done = subprocess.run(argv, cwd="/", check=False, capture_output=True, text=True)
    if done.returncode:
        raise ContenderError(f"initdb: {done.stderr.strip()[-1000:]}")
    with (folder / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write(_SETTINGS)


def copy(folder: Path, to: Path) -> None:
    """Copy a cluster that does not run."""
    copy_folder(folder, to)
    to.chmod(0o700)
    _own(to)


def serve(folder: Path, port: int) -> Command:
    """The command that serves the cluster in ``folder`` on ``port``."""
    argv = _as_servant((_program("postgres"), "-D", str(folder), "-p", str(port)))
    ready = (_program("pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(port))
    return Command(argv, port, Role.STORE, cwd=Path("/"), ready=ready)
