"""One cluster for all tests of a module, and a client whose history is judged in the end."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import NamedTuple

import pytest

from tests.nodes.checker import violations
from tests.nodes.client import Client, open_client
from tests.nodes.cluster import NODES, Cluster, open_cluster
from tests.nodes.history import History, Terms
from tests.nodes.material import OWN_APPS, QUOTA, YZB_APP, make_codes, prepare

HEALED = 30.0
"""Seconds that a busy machine may take until all is well again."""
DAY = 86_400
IN_CHINA = 8 * 3600
KEEP = 600.0
"""Seconds that yzb's server token before keeps (docs/spec/yzb.md)."""


class Asked(NamedTuple):
    """A client, its history, and codes to spend."""

    client: Client
    history: History
    codes: list[str]


Asking = Callable[[int], contextlib.AbstractAsyncContextManager[Asked]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Nodes that all tests of a module share; each leaves them well."""
    folder = tmp_path_factory.mktemp("nodes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # settings are read from the working folder, which must not be the checkout
        for name in [name for name in os.environ if name.startswith("LINGPAI_")]:
            patch.delenv(name)
        with open_cluster(folder) as opened:
            asyncio.run(prepare(opened.settings))
            opened.ready()
            yield opened


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> random.Random:
    """Chance; its seed comes from pytest-randomly's, and is printed when the test fails."""
    seed = random.randrange(10**9)
    request.node.add_report_section("setup", "chance", f"seed {seed}")
    return random.Random(seed)


@pytest.fixture
def asking(cluster: Cluster) -> Asking:
    """A client with so many codes; its answers have to pass the checker when the block ends."""

    @contextlib.asynccontextmanager
    async def opened(codes: int) -> AsyncIterator[Asked]:
        owners = await make_codes(cluster.settings, codes)
        history, began = History(owners=owners), time.time()
        try:
            async with open_client(cluster.urls, history) as client:
                yield Asked(client, history, list(owners))
        except Exception as error:
            error.add_note("\n".join(["The checker says:", *judged(cluster, history, began)]))
            raise
        assert judged(cluster, history, began) == []

    return opened


def judged(cluster: Cluster, history: History, began: float) -> list[str]:
    """What the checker says of a history that began at this unix time."""
    days = (time.time() + IN_CHINA) // DAY - (began + IN_CHINA) // DAY + 1
    history.terms = dict.fromkeys(OWN_APPS, Terms(0, QUOTA * days)) | {YZB_APP: Terms(KEEP)}
    history.made = cluster.books()
    return violations(history)


async def until(happened: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    """Come back as soon as it has."""
    give_up = time.monotonic() + HEALED
    while True:
        found = happened()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < give_up, "it did not happen"
        await asyncio.sleep(0.02)


async def healed(client: Client, codes: list[str]) -> None:
    """Come back once every node does everything again, by itself; spends a code for each."""
    for node in range(NODES):

        async def works(node: int = node) -> bool:
            ready, _, _ = await client.send(f"{client.url(node)}/health/ready", None)
            answer, _, accounts = await client.send(f"{client.url(node)}/health/accounts", None)
            return (ready, answer) == (200, 200) and bool(accounts["healthy"])

        await until(works)
        redeemed = await client.redeem(codes.pop(), node)
        assert redeemed.got
        assert (await client.refresh(redeemed.subject, redeemed.got[1], node)).got
