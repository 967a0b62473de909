"""Three nodes of two workers on one database, asked over HTTP (threats C25, F63, K85 over several nodes).

Whatever a test asked and was answered has to pass the checker (`checker`), besides what the test says itself.
"""

import asyncio
import email.utils
import random
import time
from collections.abc import Awaitable, Callable

import pytest

from lingpai.issuer.verbs.end import end_token
from lingpai.service import open_issuers
from tests.helpers.effort import FULL
from tests.nodes.client import Client
from tests.nodes.cluster import NODES, SKEWS, Cluster
from tests.nodes.conftest import Asking
from tests.nodes.history import Outcome, Record, Verb, steady
from tests.nodes.material import MALL_APP, OWN_APPS
from tests.strength.harness import CLASSIC

pytestmark = [pytest.mark.xdist_group("nodes"), pytest.mark.timeout(240)]

CALLERS = 500
SLOWLY = 0.5
"""Seconds that the upstream takes, so that the calls do meet."""
End = Callable[[Cluster, Client, Record, int], Awaitable[None]]
ROUNDS = 300 if FULL else 30
CONTENDERS = 12
LIFE = 3600
"""Seconds that an access token of the mall lives."""
BUSY = 60.0
"""Seconds that a busy machine may take, far below what the clocks are wrong by."""


@pytest.mark.threat("K85")
async def test_parallel_first_calls_on_all_nodes_fetch_once(cluster: Cluster, asking: Asking) -> None:
    account = await cluster.new_account()
    async with asking(0) as (client, history, _):
        added = asyncio.Event()

        async def call(number: int) -> Record:
            await added.wait()
            return await client.hold(account.account, number % NODES)

        callers = [asyncio.create_task(call(number)) for number in range(CALLERS)]
        slow = {"path": CLASSIC, "fault": f"slow:{SLOWLY}", "times": CALLERS, "account": account.account}
        await asyncio.to_thread(cluster.harness.control, "faults", slow)
        await cluster.add(account)
        added.set()
        answers = await asyncio.gather(*callers)
        cluster.harness.mend()
        assert [str(each) for each in answers if each.outcome is not Outcome.DONE] == []
        assert len({each.got for each in answers}) == 1
        assert len(history.records) == CALLERS
    calls = cluster.harness.control(f"calls?path={CLASSIC}&account={account.account}")
    assert calls["total"] == 1


async def test_wrong_wall_clocks_do_not_matter(cluster: Cluster, asking: Asking) -> None:
    async with asking(1) as (client, _, codes):
        code = codes[0]
        won = await client.redeem(code, 0)
        ends = set()
        for node, skew in enumerate(SKEWS):
            url = f"{client.url(node)}/v1/oauth2/getOpenId?access_token={won.got[0]}"
            _, headers, body = await client.send(url, None)
            shown = email.utils.parsedate_to_datetime(headers["Date"]).timestamp()
            assert abs(shown - skew - time.time()) < BUSY, "this node's clock is not wrong"
            assert abs(body["result"]["expires"] - LIFE - time.time()) < BUSY
            ends.add(body["result"]["expires"])
            issued = await client.issue(OWN_APPS[node], node)  # signed by the right time
            assert issued.outcome is Outcome.DONE, issued
        assert max(ends) - min(ends) <= 1


@pytest.mark.threat("C25")
async def test_one_winner_per_code_over_all_nodes(cluster: Cluster, asking: Asking) -> None:
    async with asking(ROUNDS) as (client, _, codes):
        for code in codes:
            barrier = asyncio.Barrier(CONTENDERS)

            async def contend(node: int, code: str = code, barrier: asyncio.Barrier = barrier) -> Record:
                await barrier.wait()
                return await client.redeem(code, node)

            tries = await asyncio.gather(*(contend(number % NODES) for number in range(CONTENDERS)))
            outcomes = [each.outcome for each in tries]
            assert outcomes.count(Outcome.DONE) == 1
            assert outcomes.count(Outcome.REFUSED) == CONTENDERS - 1


async def _code_again(cluster: Cluster, client: Client, won: Record, node: int) -> None:
    await client.redeem(won.subject, node)


async def _replay(cluster: Cluster, client: Client, won: Record, node: int) -> None:
    successor = await client.refresh(won.subject, won.got[1], node)
    await client.refresh(won.subject, successor.got[1], (node + 1) % NODES)
    await client.refresh(won.subject, won.got[1], node)


async def _operator(cluster: Cluster, client: Client, won: Record, node: int) -> None:
    async with open_issuers(cluster.settings) as issuers:
        app = await issuers["mall"].store.find_app("mall", MALL_APP)
        assert app is not None
        began = steady()
        assert await end_token(issuers["mall"], app, won.got[0])
        client.history.add(Verb.END, won.subject, won.got[0], -1, began, (Outcome.DONE, (), ""))


@pytest.mark.parametrize("end", [_code_again, _replay, _operator])
@pytest.mark.threat("F63")
async def test_what_ends_on_one_node_is_dead_on_the_next_request_to_any(
    cluster: Cluster, asking: Asking, draw: random.Random, end: End
) -> None:
    async with asking(ROUNDS) as (client, _, codes):
        for code in codes:
            node = draw.randrange(NODES)
            won = await client.redeem(code, node)
            before = await asyncio.gather(*(client.check(code, won.got[0], each) for each in range(NODES)))
            assert [str(each) for each in before if each.outcome is not Outcome.DONE] == []
            await end(cluster, client, won, node)
            after = await asyncio.gather(*(client.check(code, won.got[0], each) for each in range(NODES)))
            assert [str(each) for each in after if each.outcome is not Outcome.REFUSED] == []
