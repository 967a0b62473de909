"""The documented Patroni file in operation: a switchover, then the primary is lost; nothing that was answered is."""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from bench.ports import free_port
from lingpai.core.clock import SystemClock
from lingpai.core.errors import LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Budget
from lingpai.store.postgresql import PostgresStore
from tests.docs.blocks import ROOT
from tests.helpers.effort import FULL
from tests.prepare import find_command, find_postgresql
from tests.store.postgresql.hardship import grow, run

FILE = ROOT / "docs" / "how-to" / "failover" / "patroni.yml"
PATRONI, ETCD = find_command("patroni"), find_command("etcd")
START_SECONDS = 90.0
LONGEST_OUTAGE = 60.0
"""Seconds; about `ttl` was measured on a machine that does nothing else."""

pytestmark = [
    pytest.mark.skipif(not FULL, reason="two minutes: in full strength only"),
    pytest.mark.skipif(
        PATRONI is None or ETCD is None,
        reason="NOT TESTED: there is no Patroni or etcd here; tests/prepare.py gets them where it can",
    ),
    pytest.mark.timeout(300),
]


class Member(NamedTuple):
    """One member of the cluster, and its processes."""

    name: str
    port: int
    api: int
    data: Path
    process: "subprocess.Popen[bytes]"

    def asks(self, path: str, body: dict[str, str] | None = None) -> int:
        """The status of an answer of its REST API; 0 when there is none."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}{path}", data, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def lose(self) -> None:
        """The machine loses its power: Patroni ends first, so that it starts nothing again."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            server = psutil.Process(int((self.data / "postmaster.pid").read_text("ascii").splitlines()[0]))
            for each in (server, *server.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()


def started(folder: Path, name: str, *command: str) -> "subprocess.Popen[bytes]":
    owner = "postgres" if os.geteuid() == 0 else None
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            user=owner,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def members() -> Iterator[tuple[Member, ...]]:
    if os.geteuid() == 0 and "postgres" not in {each.pw_name for each in pwd.getpwall()}:
        pytest.skip("NOT TESTED: there is no user postgres, and PostgreSQL does not run as root")
    with tempfile.TemporaryDirectory(prefix="lingpai-patroni-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        urls = ("--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer)
        peers = ("--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}")
        etcd = started(folder, "etcd", str(ETCD), "--data-dir", "etcd", *urls, *peers)
        found: list[Member] = []
        try:
            for name in ("db1", "db2"):
                found.append(_member(folder, name, client.removeprefix("http://")))
                wait_for(found, "/health")
            wait_for(found, "/sync")
            yield tuple(found)
        finally:
            for each in found:
                each.lose()
            etcd.kill()
            etcd.wait(20)


def _member(folder: Path, name: str, etcd: str) -> Member:
    port, api = free_port(), free_port()
    programs = find_postgresql()
    text = FILE.read_text("utf-8")
    for before, after in (
        ("name: db1", f"name: {name}"),
        ("127.0.0.1:8008", f"127.0.0.1:{api}"),
        ("127.0.0.1:5432", f"127.0.0.1:{port}"),
        ("127.0.0.1:2379", etcd),
        ("/var/lib/postgresql/lingpai", str(folder / f"data-{name}")),
        ("/usr/lib/postgresql/15/bin", str(programs)),
        ("/var/run/postgresql", str(folder)),
    ):
        assert before in text
        text = text.replace(before, after)
    (folder / f"{name}.yml").write_text(text, "utf-8")
    return Member(
        name,
        port,
        api,
        folder / f"data-{name}",
        started(folder, name, str(PATRONI), str(folder / f"{name}.yml")),
    )


def wait_for(members: list[Member], path: str) -> None:
    """Come back once one of them says yes to `path`; for "/health", the last one."""
    give_up = time.monotonic() + START_SECONDS
    while all(each.asks(path) != 200 for each in (members[-1:] if path == "/health" else members)):
        assert time.monotonic() < give_up
        time.sleep(0.1)


async def until_says(member: Member, path: str) -> None:
    while await asyncio.to_thread(member.asks, path) != 200:  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(0.1)


async def test_a_switchover_and_the_loss_of_the_primary(members: tuple[Member, ...]) -> None:
    hosts = ",".join(f"127.0.0.1:{each.port}" for each in members)
    [primary] = [each for each in members if each.asks("/primary") == 200]
    await run(f"postgresql://postgres:change-me@127.0.0.1:{primary.port}/postgres", "CREATE DATABASE lingpai")
    dsn = f"postgresql://postgres:change-me@{hosts}/lingpai"
    store = await PostgresStore.open_shared(dsn, KeyRing.ephemeral(), SystemClock())
    answered: list[int] = []
    stop = asyncio.Event()

    async def take(number: int) -> None:
        while not stop.is_set():
            number += 4
            with contextlib.suppress(LingpaiError):
                budget = Budget("s", "n", str(number), 1, store.clock.now() + 3600)
                if (await store.take_budget(budget)).granted:
                    answered.append(number)
            await asyncio.sleep(0.01)

    takers = [asyncio.ensure_future(take(number)) for number in range(4)]
    try:
        await grow(answered, 50)
        [other] = [each for each in members if each is not primary]
        body = {"leader": primary.name, "candidate": other.name}
        assert await asyncio.to_thread(primary.asks, "/switchover", body) == 200
        async with asyncio.timeout(LONGEST_OUTAGE):
            await until_says(other, "/primary")
            await grow(answered, 50)
            await until_says(primary, "/sync")
        await asyncio.to_thread(other.lose)
        began = time.monotonic()
        async with asyncio.timeout(LONGEST_OUTAGE):
            await until_says(primary, "/primary")
        await grow(answered, 50)
        assert time.monotonic() - began < LONGEST_OUTAGE
        stop.set()
        await asyncio.gather(*takers)
        assert set(answered) <= {int(use.window) for use in await store.list_budgets()}
    finally:
        stop.set()
        await asyncio.gather(*takers, return_exceptions=True)
        await store.close()
