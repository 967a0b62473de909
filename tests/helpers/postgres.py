"""A real PostgreSQL for the suite: finds the server, starts one per test process, makes a database per place.

The server never runs as root: it refuses. As root it runs as `postgres`, or as `nobody` where there is no such user;
its files are in a folder of its own under the system's temporary folder, for that user alone.

A place is a folder of a test's own. Below it lies `FILE`, by which processes that a test started find the server.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import asyncpg
import pytest

from lingpai.store.postgresql.schema import apply_migrations

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "postgresql"
"""Where the wheel with a server goes, when there is no other."""
FILE = "postgresql.server"
TEMPLATE = "lingpai_template"
USER = "lingpai"
BY_HAND = (
    "install a PostgreSQL server (13 or later), such as Debian's `postgresql`, or put its bin folder on PATH"
)
PATIENCE = 30.0
_WHERE = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # a machine that crashes takes the tests with it
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "autovacuum_naptime": "5s",
    "logging_collector": "off",
    "log_min_messages": "fatal",
}


class NoServerError(Exception):
    """There is no PostgreSQL on this machine; the message says what to do."""


def find_server() -> Path | None:
    """The folder of a server's programs, or None."""
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in _WHERE:
        folders += sorted(Path("/").glob(pattern.lstrip("/")), key=_version, reverse=True)
    folders += sorted(CACHE.glob("*/pginstall/bin"))
    return next(
        (each for each in folders if all((each / name).exists() for name in ("postgres", "initdb"))), None
    )


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(
        int(digits) for digits in folder.parent.name.replace("-", ".").split(".") if digits.isdigit()
    )


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
        options: settings it is started with, besides those of all tests.
    """

    def __init__(self, folder: Path, programs: Path, owner: str | None) -> None:
        self.folder = folder
        self.options: dict[str, str] = {}
        self._programs = programs
        self._owner = owner
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        assert self._process is not None
        return self._process.pid

    def dsn(self, database: str) -> str:
        """Where a database is."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.folder), safe='')}"

    def initialize(self) -> None:
        """Make the folder with the server's files."""
        self._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")

    def start(self) -> None:
        """Start it, and come back when it answers."""
        settings = _SETTINGS | {"unix_socket_directories": str(self.folder)} | self.options
        command = [str(self._programs / "postgres"), "-D", "data"]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                user=self._owner,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
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
        self._process.send_signal(how)
        self._process.wait(PATIENCE)
        self._process = None

    def _answers(self) -> bool:
        done = self._run("pg_isready", "-q", "-h", str(self.folder), "-U", USER, check=False)
        return done.returncode == 0

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self.folder,
            user=self._owner,
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
    programs = find_server()
    if programs is None:
        raise NoServerError(f"There is no PostgreSQL: {BY_HAND}.")
    owner = _owner()
    with tempfile.TemporaryDirectory(prefix="lingpai-pg-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        if owner is not None:
            shutil.chown(folder, owner)
            if programs.is_relative_to(CACHE):  # which that user may not be able to read
                programs = Path(shutil.copytree(programs.parent, folder / "programs")) / "bin"
        server = Server(folder, programs, owner)
        server.initialize()
        server.start()
        try:
            yield server
        finally:
            server.stop()


class Place(NamedTuple):
    """A test's folder, by which its databases are named."""

    folder: Path
    server: str

    @classmethod
    def at(cls, folder: Path) -> "Place":
        """The place that `folder` is in.

        Raises:
            LookupError: in none.
        """
        for each in (folder, *folder.parents):
            if (each / FILE).exists():
                return cls(each, (each / FILE).read_text("utf-8"))
        raise LookupError(f"{folder} is not in a place that has a PostgreSQL")

    @property
    def prefix(self) -> str:
        """What the names of all its databases begin with."""
        return f"t_{_digest(self.folder)}_"

    def dsn(self, database: str) -> str:
        """Where a database of the place's server is."""
        return self.server.replace("/postgres?", f"/{database}?")


def _digest(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:16]


async def database_at(folder: Path) -> str:
    """The address of the database of a folder, which is made when it is asked for first.

    Raises:
        LookupError: the folder is in no place.
    """
    place = Place.at(folder)
    name = place.prefix + _digest(folder)
    connection = await asyncpg.connect(place.server)
    try:
        with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE}')
    finally:
        await connection.close()
    return place.dsn(name)


async def make_template(server: Server) -> None:
    """Make what every database is copied from: one with the schema."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    finally:
        await connection.close()
    await apply_migrations(server.dsn(TEMPLATE))


async def left_open(place: Place) -> list[str]:
    """What still talks to the databases of a place; asked until it is nothing, or for a second."""
    connection = await asyncpg.connect(place.server)
    try:
        give_up = time.monotonic() + 1.0
        while True:
            rows = await connection.fetch(
                "SELECT application_name || ': ' || query FROM pg_stat_activity WHERE starts_with(datname, $1)",
                place.prefix,
            )
            if not rows or time.monotonic() > give_up:  # a server sees with some delay that a client went
                return [row[0] for row in rows]
    finally:
        await connection.close()


async def drop_databases(place: Place) -> None:
    """Remove all databases of a place."""
    connection = await asyncpg.connect(place.server)
    try:
        for (name,) in await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", place.prefix
        ):
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this test process, with the template."""
    import asyncio

    with start_server() as server:
        asyncio.run(make_template(server))
        yield server


@pytest.fixture
def postgres_place(postgres: Server, tmp_path: Path) -> Iterator[Place]:
    """The test's folder as a place; nothing of it is left open, and nothing of it stays."""
    import asyncio

    (tmp_path / FILE).write_text(postgres.dsn("postgres"), "utf-8")
    place = Place.at(tmp_path)
    yield place
    still = asyncio.run(left_open(place))
    asyncio.run(drop_databases(place))
    assert still == []
