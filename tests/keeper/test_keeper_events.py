"""Events of accounts, as `/v1/events` tells them: over real connections, from the store of one or more processes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp
import pytest

from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.renewal import renew_due
from lingpai.keeper.routes import events as routes
from lingpai.sandbox import SAMPLE_APP
from tests.edge.running_edge import running
from tests.keeper.harness import HELD, STABLE, Harness

NAME = f"wechat/{SAMPLE_APP.appid}"
WAIT = 20.0


class Piece(NamedTuple):
    """What a browser's EventSource would see."""

    id: str
    event: str
    data: Any

    @property
    def about(self) -> tuple[str, str, int]:
        data = self.data["data"]
        return self.event, data["kind"], data["version"]


class Listener:
    """A listener that is connected."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments = 0

    async def next(self) -> Piece:
        """The next event; the piece that only tells the id where to begin has no name."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(WAIT):
            while line := await self.response.content.readline():
                text = line.decode().rstrip("\n")
                if not text and fields.keys() - {"retry"}:
                    data = json.loads(fields["data"]) if "data" in fields else None
                    return Piece(fields["id"], fields.get("event", ""), data)
                name, _, value = text.partition(": ")
                if name:
                    fields[name] = value
                elif text:
                    self.comments += 1
        raise EOFError

    async def end(self) -> None:
        """The stream ends, and properly: aiohttp would complain of a missing last chunk."""
        with contextlib.suppress(EOFError):
            while True:
                await self.next()


class House(NamedTuple):
    harness: Harness
    url: str
    session: aiohttp.ClientSession

    @contextlib.asynccontextmanager
    async def listening(self, key: str, last: str = "", **query: str) -> AsyncIterator[Listener]:
        headers = {"authorization": f"Bearer {key}"} | ({"last-event-id": last} if last else {})
        async with self.session.get(f"{self.url}/v1/events", headers=headers, params=query) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            yield Listener(response)


@pytest.fixture
async def house(own: Harness) -> AsyncIterator[House]:
    async with aiohttp.ClientSession() as session, running(own.app) as edge:
        yield House(own, f"http://127.0.0.1:{edge.port}", session)


async def test_a_renewal_reaches_who_listens(house: House) -> None:
    harness = house.harness
    key = await harness.add_caller("listener")
    async with house.listening(key) as listener:
        assert (await listener.next()).event == ""
        held = (await harness.get(HELD)).json
        heard = await listener.next()
    assert heard.about == ("token.renewed", "access_token", 1)
    assert heard.data["type"] == "token.renewed"
    assert heard.data["timestamp"].endswith("Z")
    data = heard.data["data"]
    assert data.pop("ends_at") == pytest.approx(harness.clock.now() + held["expires_in"], abs=2)
    assert data == {
        "platform": "wechat", "account": SAMPLE_APP.appid, "label": "", "kind": "access_token", "version": 1,
    }  # fmt: skip
    assert held["value"] not in json.dumps(heard.data)


async def test_values_reach_who_asks_and_may_have_them(house: House) -> None:
    harness = house.harness
    key = await harness.add_caller("reader")
    signer = await harness.add_caller("signer", rights=("sign", "forward"))
    phantom = await harness.add_caller("phantom", rights=("forward",), hand_out="phantom", forward=("*",))
    held = (await harness.get(HELD)).json
    ticket = (await harness.get(HELD, kind="jsapi_ticket")).json
    async with house.listening(key, values="1", after="0") as listener:
        heard = [await listener.next() for _ in range(3)][1:]
    assert [each.data["data"]["value"] for each in heard] == [held["value"], ticket["value"]]
    assert heard[0].data["data"]["expires_in"] == held["expires_in"]
    async with house.listening(signer, values="1", after="0") as listener:
        heard = [await listener.next() for _ in range(3)][1:]
    assert [each.event for each in heard] == ["token.renewed", "ticket.renewed"]
    assert not any("value" in each.data["data"] for each in heard)
    async with house.listening(phantom, values="1", after="0") as listener:
        heard = [await listener.next() for _ in range(2)][1:]
    read = harness.keeper.phantoms.read(heard[0].data["data"]["value"])
    assert read is not None
    assert read.account == SAMPLE_APP.appid
    assert held["value"] not in json.dumps(heard[0].data)


async def test_callers_receive_events_of_their_apps_by_their_rights(house: House) -> None:
    harness = house.harness
    key = await harness.add_caller("narrow", apps=(NAME,), rights=("ticket",))
    wecom = await harness.add_caller("other", apps=("wecom",))
    await harness.get(HELD)
    await harness.get(HELD, kind="jsapi_ticket")
    await harness.upstream.fault(STABLE, "errcode:40013", 1)
    await harness.keeper.store.mark_suspect(harness.app_of().key(ACCESS_TOKEN), 1)
    await harness.fall_due()
    await renew_due(harness.keeper)
    async with house.listening(key, after="0") as listener:
        heard = [await listener.next() for _ in range(3)][1:]
    assert [each.about for each in heard] == [
        ("ticket.renewed", "jsapi_ticket", 1),
        ("account.trouble", "access_token", 1),
    ]
    assert heard[1].data["data"]["code"] == 40013
    async with house.listening(wecom, after="0") as listener:
        heard = [await listener.next() for _ in range(3)][1:]
    assert {each.data["data"]["label"] for each in heard} == {"agent", "contacts"}


async def test_a_listener_goes_on_where_it_was_and_hears_of_a_gap(house: House) -> None:
    harness = house.harness
    key = await harness.add_caller("listener")
    await harness.get(HELD)
    async with house.listening(key, after="0") as listener:
        await listener.next()
        first = await listener.next()
    await harness.get(HELD, kind="jsapi_ticket")
    async with house.listening(key, last=first.id) as listener:
        assert (await listener.next()).id == first.id
        second = await listener.next()
    assert second.about[:2] == ("ticket.renewed", "jsapi_ticket")
    harness.clock.advance(8 * 86_400)
    await harness.keeper.store.purge(10)
    async with house.listening(key, last=first.id) as listener:
        gap = await listener.next()
    assert (gap.event, gap.id, gap.data["data"]) == ("gap", second.id, {"after": int(first.id), "oldest": 3})
    async with house.listening(key, last="999") as listener:  # of a store that was restored since
        assert (await listener.next()).event == "gap"


@pytest.mark.threat("K91")
async def test_a_revoked_key_ends_the_stream(house: House) -> None:
    key = await house.harness.add_caller("listener")
    async with house.listening(key) as listener:
        await listener.next()
        await house.harness.keeper.store.revoke_caller("listener")
        await listener.end()


async def test_a_quiet_stream_has_comments(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "BEAT", 0.1)
    key = await house.harness.add_caller("listener")
    async with house.listening(key) as listener:
        await listener.next()
        for _ in range(2):
            house.harness.clock.advance(1)
            async with asyncio.timeout(WAIT):
                while not (await listener.response.content.readline()).startswith(b": "):
                    pass


async def test_many_listeners_hear_it_and_the_end_of_the_service_ends_them(house: House) -> None:
    harness = house.harness
    key = await harness.add_caller("listener")
    async with contextlib.AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(house.listening(key)) for _ in range(50)]
        for each in listeners:
            await each.next()
        await harness.get(HELD)
        heard = await asyncio.gather(*(each.next() for each in listeners))
        assert {each.about for each in heard} == {("token.renewed", "access_token", 1)}
        harness.keeper.waits.end()
        await asyncio.gather(*(each.end() for each in listeners))


async def test_listeners_need_a_key(house: House) -> None:
    refused = await house.harness.get("/v1/events")
    assert (refused.status_code, refused.json["error"]) == (401, "missing_key")
