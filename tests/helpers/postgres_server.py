"""A PostgreSQL server of the suite's own.

It never runs as root: it refuses. As root it runs as `postgres`, or as `nobody` where there is no such user; its files
are in a folder of its own, for that user alone, in memory where there is room.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.helpers.memory import folder_in_memory
from tests.prepare import POSTGRESQL, find_postgresql

USER = "lingpai"
PATIENCE = 30.0
ROOM = 2**30
"""Bytes that must be free for a server in memory: it takes some 100 MiB, and 10 for each database."""
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # a machine that crashes takes the tests with it
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "64MB",
    "autovacuum_naptime": "5s",
    "logging_collector": "off",
    "log_min_messages": "fatal",
}


_GUARD = """
exec 3<&0
"$@" </dev/null 3<&- & server=$!
(read -r _ <&3; touch orphaned; kill -INT $server) & guard=$!
wait $server; code=$?
kill $guard
test -e orphaned && rm -rf "$(pwd)"
exit $code
"""
"""Runs a server, and ends and removes it when the test process is killed, which its end of the pipe tells."""


class NoServerError(Exception):
    """There is no PostgreSQL on this machine; the message says what to do."""


def _owner() -> str | None:
    """The user that the server runs as, or None for the one that we are."""
    if os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Server:
    """One running server. Made by `start_server`.

    Attributes:
        folder: where its socket and its data are.
        owner: the user it runs as, or None for the one that we are.
        options: settings it is started with, besides those of all tests.
    """

    def __init__(self, folder: Path, programs: Path, owner: str | None) -> None:
        self.folder = folder
        self.options: dict[str, str] = {}
        self._programs = programs
        self.owner = owner
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        return int((self.folder / "data" / "postmaster.pid").read_text("ascii").splitlines()[0])

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    def dsn(self, database: str) -> str:
        """Where a database is."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.folder), safe='')}"

    def initialize(self) -> None:
        """Make the folder with the server's files."""
        self._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")

    def follow(self, primary: "Server") -> None:
        """Make the folder with a copy of another server's files, which this one follows from then on."""
        copy = ("-D", "data", "-h", str(primary.folder), "-U", USER, "-X", "stream", "-R", "--no-sync")
        self._run("pg_basebackup", "-c", "fast", *copy)

    def start(self) -> None:
        """Start it, and come back when it answers."""
        settings = _SETTINGS | {"unix_socket_directories": str(self.folder)} | self.options
        command = [str(self._programs / "postgres"), "-D", "data"]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _GUARD, "sh", *command],
                cwd=self.folder,
                user=self.owner,
                stdout=log,
                stderr=log,
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        give_up = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError((self.folder / "log").read_text("utf-8", "replace")[-4000:])
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: at once and in order (SIGINT), or as a crash does (SIGQUIT)."""
        if self._process is None:
            return
        os.kill(self.pid, how)
        self._process.wait(PATIENCE)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def _answers(self) -> bool:
        done = self._run("pg_isready", "-q", "-h", str(self.folder), "-U", USER, check=False)
        return done.returncode == 0

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self.folder,
            user=self.owner,
            capture_output=True,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')}")
        return done


@contextlib.contextmanager
def start_server() -> Iterator[Server]:
    """A server of one's own, stopped and removed at the end.

    Raises:
        NoServerError: this machine has none.
    """
    with _place() as server:
        server.initialize()
        yield from _running(server)


@contextlib.contextmanager
def start_standby(primary: Server) -> Iterator[Server]:
    """A standby that follows `primary`, which waits with each commit until the standby has it too."""
    with _place() as server:
        server.follow(primary)
        yield from _running(server)


def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def _place() -> Iterator[Server]:
    programs = find_postgresql()
    if programs is None:
        raise NoServerError(
            "There is no PostgreSQL: run tests/prepare.py, which gets one or says what to do."
        )
    owner = _owner()
    memory = folder_in_memory(ROOM)
    with tempfile.TemporaryDirectory(prefix="lingpai-pg-", dir=memory, ignore_cleanup_errors=True) as made:
        folder = Path(made)
        if owner is not None:
            shutil.chown(folder, owner)
            if programs.is_relative_to(POSTGRESQL):  # which that user may not be able to read
                copied = Path(shutil.copytree(POSTGRESQL, folder / "programs"))
                programs = copied / programs.relative_to(POSTGRESQL)
        yield Server(folder, programs, owner)
