"""Three nodes of two workers on one PostgreSQL, each over a line of its own, and a sandbox behind them.

Nothing of it is special to tests but the lines and the nodes' wrong clocks: the nodes are `lingpai serve` as an
operator runs it on three machines, with one key ring and one database.
"""

import asyncio
import contextlib
import json
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import apsw
import asyncpg
import msgspec

from lingpai.core.records import Account
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_MINI, SandboxOptions
from lingpai.sandbox.handles import Handle
from lingpai.service import open_keeper
from lingpai.settings import Settings, load_settings
from tests.helpers import leaks
from tests.helpers.postgres_server import USER, Server, start_server
from tests.helpers.sandbox import running_sandbox
from tests.nodes.history import Made
from tests.nodes.lines import Line, Lines, lines
from tests.nodes.rules_grants import WINDOW
from tests.strength.harness import CLASSIC_APP, STABLE_MINI, Harness
from tests.strength.services import Service

NODES = 3
WORKERS = 2
DATABASE = "lingpai"
SKEWS = (0.0, 3600.0, -3600.0)
"""Seconds by which the nodes' wall clocks are wrong: it must not matter."""
SKEWED = Path(__file__).with_name("skew")
LEASE = 3.0
LIFE = 7200.0
OVERLAP = 300.0
"""Seconds that the upstream takes the token before: WeChat's own."""

REALMS: dict[str, Any] = {
    "yzb": {"dialect": "yzb"},
    "mall": {"dialect": "mall", "policy": {"code": 3600, "replay_window": int(WINDOW), "replay_grace": 0}},
    "yilianyun": {"dialect": "yilianyun"},
}
SETTINGS: dict[str, Any] = {
    "REALMS": json.dumps(REALMS),
    "KEEPER__LEASE": LEASE,
    "UPSTREAM_TIMEOUT": LEASE - 0.5,
    "KEEPER__CLEAR_APART": 0.001,
    "KEEPER__CLEARS_A_DAY": 10**6,
    "DRAIN": 2.0,
}


class Node:
    """One machine with the service on it.

    Attributes:
        address: the service's URL, of the last time that it was ready.
    """

    def __init__(self, cluster: "Cluster", number: int, line: Line) -> None:
        self.number = number
        self.line = line
        self.address = ""
        self._cluster = cluster
        self.start()

    def ready(self) -> None:
        """Come back once its workers take requests; then it is found at its new address."""
        self.address = self.service.url

    def start(self) -> None:
        """Start the service; comes back before it is up."""
        cluster = self._cluster
        path = os.pathsep.join(filter(None, (str(SKEWED), os.environ.get("PYTHONPATH"))))
        dsn = f"postgresql://{USER}@127.0.0.1:{self.line.port}/{DATABASE}?sslmode=disable"
        self.service = Service(
            cluster.folder / f"node-{self.number}",
            cluster.harness.upstream,
            workers=WORKERS,
            group=True,
            extra={"NODES_SKEW": str(SKEWS[self.number]), "PYTHONPATH": path},
            STORE=dsn,
            KEY_RING=cluster.key_ring,
            **SETTINGS,
        )

    def kill(self) -> None:
        """The machine loses its power."""
        self.service.kill()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """The machine stands still while the block runs, and knows nothing of it afterwards."""
        self.service.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.service.send(signal.SIGCONT)

    @contextlib.contextmanager
    def cut_off(self, way: str) -> Iterator[None]:
        """The machine has no line to the database while the block runs; see `lines` for the ways."""
        self.line.cut(way)
        try:
            yield
        finally:
            self.line.mend()


class Cluster:
    """All of it. Made by `open_cluster`."""

    def __init__(self, folder: Path, server: Server, harness: Harness, made: Lines) -> None:
        self.folder = folder
        self.key_ring = folder / "keyring.json"
        self.server = server
        self.harness = harness
        self.nodes: list[Node] = []
        asyncio.run(self._prepare())
        socket = server.folder / ".s.PGSQL.5432"
        for number in range(NODES):
            self.nodes.append(Node(self, number, made.open(socket)))

    def ready(self) -> None:
        """Come back once all nodes take requests."""
        for node in self.nodes:
            node.ready()

    def urls(self) -> list[str]:
        """Where the nodes are found, up or not."""
        return [node.address for node in self.nodes]

    @property
    def settings(self) -> Settings:
        """Those of an operator, whose own line to the database nobody cuts."""
        return load_settings(
            data=self.folder / "operator",
            store=self.server.dsn(DATABASE),
            key_ring=self.key_ring,
            realms=REALMS,
            wechat={"base_url": self.harness.upstream},
        )

    def books(self) -> list[Made]:
        """Every token that the upstream made, by its own books."""
        with contextlib.closing(
            apsw.Connection(str(self.harness.state), flags=apsw.SQLITE_OPEN_READONLY)
        ) as shelf:
            rows = shelf.execute("select body from item where drawer = 'tokens'").fetchall()
        handles = [msgspec.msgpack.decode(cast("bytes", body), type=Handle) for (body,) in rows]
        return [
            Made(each.account, each.value, each.serial, each.natural_end.steady - LIFE, each.ends.steady)
            for each in handles
        ]

    def made(self, account: str) -> list[str]:
        """The tokens that the upstream made for an account, the newest last."""
        books = sorted(self.books(), key=lambda each: each.serial)
        return [each.token for each in books if each.account == account]

    @contextlib.asynccontextmanager
    async def database(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        """A connection past all of the service's code."""
        connection = await asyncpg.connect(self.server.dsn(DATABASE))
        try:
            yield connection
        finally:
            await connection.close()

    async def new_account(self) -> Account:
        """An app that the upstream knows and the keeper does not; `add` it."""
        account = Account(
            platform="wechat",
            account=f"wx{secrets.token_hex(8)}",
            secret=secrets.token_hex(16),
            mode="classic",
        )
        leaks.saw(account.secret)
        app = {"account": account.account, "secret": account.secret}
        await asyncio.to_thread(self.harness.control, "accounts", app, "PATCH")
        return account

    async def add(self, *accounts: Account) -> None:
        """Configure accounts of the keeper."""
        async with open_keeper(self.settings) as keeper:
            for account in accounts:
                await keeper.store.save_account(account)

    def close(self) -> None:
        """End all nodes; those that stop in order have to do so well."""
        with ThreadPoolExecutor(NODES) as hands:
            codes = list(hands.map(lambda node: node.service.stop(), self.nodes))
        assert codes == [0] * NODES

    async def _prepare(self) -> None:
        connection = await asyncpg.connect(self.server.dsn("postgres"))
        await connection.execute(f"CREATE DATABASE {DATABASE}")
        await connection.close()
        await self.add(CLASSIC_APP, STABLE_MINI)


@contextlib.contextmanager
def open_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster whose nodes are starting; all of it ends with the block."""
    leaks.saw(SAMPLE_APP.secret, SAMPLE_MINI.secret, SAMPLE_AGENT.secret)
    rules = SandboxOptions(token_lifetime=LIFE, token_overlap=OVERLAP, classic_quota=10**6)
    data = folder / "upstream"
    with (
        start_server() as server,
        running_sandbox(rules, state_file=Harness(data, "").state) as upstream,
        lines() as made,
    ):
        cluster = Cluster(folder, server, Harness(data, upstream), made)
        try:
            yield cluster
            cluster.close()
        finally:
            for node in cluster.nodes:
                node.kill()
