"""What happens to machines, done to the nodes: stopped, cut off, killed, their database restarted (K86, K95, G73)."""

import asyncio
import contextlib
import random
import time
import urllib.request
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NamedTuple

import pytest

from lingpai.core.records import Account
from lingpai.sandbox import SAMPLE_APP
from lingpai.service import open_issuers
from lingpai.store.postgresql.pool import PATIENCE
from tests.helpers.effort import FULL
from tests.nodes.client import Client, signed
from tests.nodes.cluster import NODES, Cluster
from tests.nodes.conftest import HEALED, Asking, healed, until
from tests.nodes.faults import FaultInjector
from tests.nodes.history import Outcome, Record
from tests.nodes.lines import REFUSE, STALL
from tests.nodes.load import Load
from tests.nodes.material import OWN_APPS, SECRET
from tests.strength.harness import CLASSIC
from tests.strength.services import Json

if TYPE_CHECKING:
    import asyncpg

pytestmark = [pytest.mark.xdist_group("nodes"), pytest.mark.timeout(1200 if FULL else 240)]

SLOWLY = 0.5
VICTIM = 0
MOST_FETCHES = 4
"""The first, the one that came too late, the one in its place, and one to be sure of the upstream's newest."""

APPS = 24 if FULL else 12
TROUBLE = 600.0 if FULL else 20.0
"""Seconds."""
CODES = 60_000 if FULL else 1800
SPARE = 2 * NODES
LEAST = 300
"""Requests without which a run has shown nothing."""


@contextlib.asynccontextmanager
async def fetching(
    cluster: Cluster, client: Client, account: Account
) -> AsyncIterator["asyncio.Task[Record]"]:
    """The first node, and no other, fetches anew; the block begins when the upstream has made the token.

    The others go on at the end of the block.
    """
    await cluster.add(account)
    assert (await client.hold(account.account, VICTIM)).got
    others = [node for node in cluster.nodes if node.number != VICTIM]
    with contextlib.ExitStack() as stack:
        for other in others:
            stack.enter_context(other.stopped())
        slow = {"path": CLASSIC, "fault": f"slow:{SLOWLY}", "account": account.account, "after": True}
        await asyncio.to_thread(cluster.harness.control, "faults", slow)
        await client.clear(account.account, VICTIM)
        asked = asyncio.create_task(client.hold(account.account, VICTIM))
        await until(lambda: len(cluster.made(account.account)) == 2)
        yield asked


async def renewed_elsewhere(cluster: Cluster, client: Client, account: Account) -> Record:
    """What another node hands out once it has taken over."""
    found: list[Record] = []

    async def newer() -> bool:
        record = await client.hold(account.account, VICTIM + 1)
        found.append(record)
        return bool(record.got) and record.got[0] not in cluster.made(account.account)[:2]

    await until(newer)
    return found[-1]


async def all_the_same(cluster: Cluster, client: Client, account: Account) -> None:
    """Every node hands out the upstream's newest token, none the one that came too late, and nothing storms."""

    async def same() -> bool:
        held = [await client.hold(account.account, node) for node in range(NODES)]
        return {each.got for each in held} == {(cluster.made(account.account)[-1],)}

    await until(same)
    made = cluster.made(account.account)
    assert len(made) <= MOST_FETCHES
    handed = {each.got for each in client.history.records if each.outcome is Outcome.DONE}
    assert (made[1],) not in handed


def overtaken(cluster: Cluster) -> float:
    """How many writes of the first node were refused, as it counts them itself."""
    with urllib.request.urlopen(f"{cluster.nodes[VICTIM].address}/metrics", timeout=HEALED) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if 'outcome="overtaken"' in line)


@pytest.mark.threat("K86")
async def test_a_stopped_holders_late_write_is_refused(cluster: Cluster, asking: Asking) -> None:
    account, victim = await cluster.new_account(), cluster.nodes[VICTIM]
    before = overtaken(cluster)
    async with asking(0) as (client, history, _):
        with history.trouble("stop"), contextlib.ExitStack() as standstill:
            async with fetching(cluster, client, account) as asked:
                began = time.monotonic()
                victim.line.cut(STALL)
                await until(lambda: victim.line.holds(b"BEGIN"))  # it has its answer, and would save it
                standstill.enter_context(victim.stopped())
            newer = await renewed_elsewhere(cluster, client, account)
            victim.line.mend()
        # On a busy machine the standstill may outlast the patience with the store. Then nothing was saved, and the
        # first token is given out, which lives on for a while.
        patient = time.monotonic() - began < PATIENCE - 1
        late = await asked
        made = cluster.made(account.account)
        assert late.got[0] in (made[2:] if patient else [made[0], *made[2:]])
        assert newer.got[0] in made[2:]
        await all_the_same(cluster, client, account)
    assert overtaken(cluster) - before in ({1} if patient else {0, 1})


@pytest.mark.threat("K86")
async def test_a_holder_stopped_in_a_transaction_keeps_nothing_from_the_others(
    cluster: Cluster, asking: Asking
) -> None:
    account, victim = await cluster.new_account(), cluster.nodes[VICTIM]
    async with asking(0) as (client, history, _):
        with history.trouble("stop"), contextlib.ExitStack() as standstill:
            async with (
                fetching(cluster, client, account) as asked,
                cluster.database() as watching,
                cluster.database() as locking,
                locking.transaction(),
            ):
                await locking.execute(
                    "SELECT FROM credentials WHERE account = $1 FOR UPDATE", account.account
                )
                await until(lambda: waits_for_a_lock(watching))
                standstill.enter_context(victim.stopped())
            await renewed_elsewhere(cluster, client, account)
        await asked
        await all_the_same(cluster, client, account)


async def waits_for_a_lock(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%credentials%'"
    )
    return bool(await connection.fetchval(query))


class Refused(NamedTuple):
    """How a dialect says that the store is not there."""

    path: str
    form: Json | None
    body: Json


GRANT = {"grant_type": "authorization_code", "code": "F" * 64, "redirect_uri": "https://app.example"}
UNAVAILABLE = (
    Refused("/v1/oauth2/accessToken", GRANT | SECRET["mall"], {"error": "temporarily_unavailable"}),
    Refused(
        "/OAuth2/token", {"grant_type": "client_credential", **SECRET["yzb"]}, {"status": "4000", "data": []}
    ),
    Refused("/oauth/oauth", None, {"error": "45"}),
    Refused(f"/AccessToken/getXcx?appid={SAMPLE_APP.appid}", None, {"code": 503, "data": {}}),
    Refused(
        f"/cgi-bin/token?grant_type=client_credential&appid={SAMPLE_APP.appid}&secret={SAMPLE_APP.secret}",
        None,
        {"errcode": -1},
    ),
    Refused(f"/v1/tokens/wechat/{SAMPLE_APP.appid}", None, {"error": "store_unavailable"}),
)


@pytest.mark.parametrize("way", [REFUSE, STALL])
@pytest.mark.threat("G73")
async def test_a_node_without_its_database_says_so_and_comes_back(
    cluster: Cluster, asking: Asking, way: str
) -> None:
    account = await cluster.new_account()
    await cluster.add(account)
    async with asking(SPARE) as (client, history, codes):
        url = cluster.nodes[VICTIM].address

        async def answer_of(each: Refused) -> tuple[int, bool, Json]:
            own = signed(OWN_APPS[0]) | {"grant_type": "client_credentials", "scope": "all"}
            form = own if each.path == "/oauth/oauth" else each.form
            status, headers, body = await client.send(url + each.path, form)
            return status, int(headers.get("Retry-After", 0)) > 0, {name: body[name] for name in each.body}

        with history.trouble(way), cluster.nodes[VICTIM].cut_off(way):
            answers = await asyncio.gather(*map(answer_of, UNAVAILABLE))
            assert answers == [(503, True, each.body) for each in UNAVAILABLE]
            assert (await client.send(f"{url}/health/live", None))[0] == 200
            assert (await client.send(f"{url}/health/ready", None))[0] == 503
            others = await asyncio.gather(
                *(client.hold(account.account, node) for node in range(VICTIM + 1, NODES))
            )
            assert [each.why for each in others if each.outcome is not Outcome.DONE] == []
        await healed(client, codes)


async def test_every_committed_answer_stays_right_whatever_happens_to_the_nodes(
    cluster: Cluster, asking: Asking, draw: random.Random
) -> None:
    async with asking(CODES) as (client, history, codes), open_issuers(cluster.settings) as issuers:
        spare = [codes.pop() for _ in range(SPARE)]
        load = Load(client, codes, issuers["mall"], cluster.harness.upstream, draw)
        async with asyncio.TaskGroup() as group:
            for _ in range(APPS):
                group.create_task(load.run())
            await asyncio.to_thread(FaultInjector(cluster, history, draw).run, TROUBLE)
            load.over = True
        await healed(client, spare)
        answer = len(history.records)
        await load.last_look()
        assert [str(each) for each in history.records[answer:] if not each.in_order] == []
        assert sum(each.in_order for each in history.records) >= LEAST
