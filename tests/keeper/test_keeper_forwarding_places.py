"""Forwarded calls of a platform that takes its token in a header."""

import dataclasses
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from lingpai.core.records import RIGHTS, Account
from lingpai.edge.app import create_app
from lingpai.edge.options import EdgeOptions
from lingpai.keeper.platforms.forwarding import Forwarding, TokenPlace
from lingpai.keeper.platforms.registry import PLATFORMS
from lingpai.service import fallback_shapes, routes_of
from tests.helpers.direct import Direct
from tests.helpers.lingpai_toy import TOY, toy
from tests.keeper.harness import Harness

PLACES = {
    "its own": TokenPlace(header="x-toy-token"),
    "bearer": TokenPlace(header="authorization", scheme="Bearer "),
}
PLAY = "/toybox/api/play"


class ToyBox:
    """The toy platform: what it got, and which token it takes."""

    def __init__(self) -> None:
        self.issued = 0
        self.dead: set[str] = set()
        self.got: list[tuple[str, dict[str, str]]] = []

    async def token(self, _request: web.Request) -> web.Response:
        self.issued += 1
        return web.json_response({"result": 1, "wind": f"wind-{self.issued}", "seconds": 7200})

    async def probe(self, request: web.Request) -> web.Response:
        return web.json_response({"result": 8 if request.query["access_token"] in self.dead else 1})

    async def play(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((request.path_qs, headers))
        token = (headers.get("x-toy-token") or headers["authorization"]).rpartition(" ")[2]
        return web.json_response({"result": 8 if token in self.dead else 1, "echo": token})


@pytest.fixture(params=PLACES)
async def place(
    request: pytest.FixtureRequest, harness: Harness
) -> AsyncIterator[tuple[Harness, ToyBox, TokenPlace]]:
    """A harness with an account of a toy platform whose calls are forwarded."""
    box, where = ToyBox(), PLACES[request.param]
    app = web.Application()
    app.router.add_route("POST", "/toybox/token", box.token)
    app.router.add_route("GET", "/toybox/probe", box.probe)
    app.router.add_route("*", PLAY, box.play)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    forwarding = Forwarding(
        prefixes=("/toybox/api/",), place=where, dead=frozenset({8}), refused=7, busy=6, often=6
    )
    platform = dataclasses.replace(toy(f"http://127.0.0.1:{port}", 5.0), forwarding=forwarding)
    PLATFORMS.register(TOY)
    keeper = harness.keeper
    keeper.platforms = {**keeper.platforms, "toy": platform}
    await keeper.store.save_account(Account(platform="toy", account="toy-1", secret="tin-key"))
    harness.client = Direct(create_app(routes_of(keeper), fallback_shapes(), EdgeOptions()))
    yield harness, box, where
    PLATFORMS.unregister("toy")
    await runner.cleanup()


async def test_a_call_gets_the_token_in_its_header_and_no_other(
    place: tuple[Harness, ToyBox, TokenPlace],
) -> None:
    harness, box, where = place
    key = await harness.add_caller("forwarder", rights=("forward",))
    headers = {"x-toy-token": "mine", "authorization": f"Bearer {key}"}
    answer = await harness.get(f"/v1/forward/toy/toy-1{PLAY}", headers=headers, access_token="kept")
    assert answer.status_code == 200
    ((target, got),) = box.got
    assert target == f"{PLAY}?access_token=kept"
    assert got[where.header] == f"{where.scheme}wind-1"
    assert "mine" not in got.values()
    assert key not in " ".join(got.values())
    assert answer.json["echo"] == "access_token"  # what stands for the platform's token


async def test_a_phantom_token_comes_in_the_same_header(place: tuple[Harness, ToyBox, TokenPlace]) -> None:
    harness, box, where = place
    key = await harness.add_caller("ghost", rights=(*RIGHTS, "forward"), hand_out="phantom")
    phantom = (await harness.post("/toybox/token", body=f"toy=toy-1&key={key}")).json["wind"]
    shown = {where.header: f"{where.scheme}{phantom}"}
    answer = await harness.get(PLAY, headers=shown, a="1")
    assert answer.json == {"result": 1, "echo": phantom}
    assert box.got[0][0] == f"{PLAY}?a=1"
    box.dead.add("wind-1")
    assert (await harness.get(PLAY, headers=shown)).json == {"result": 1, "echo": phantom}
    assert box.issued == 2
    assert (await harness.get(PLAY, access_token=phantom)).status_code == 418  # it belongs into the header
    assert (await harness.get(PLAY, headers={where.header: f"{where.scheme}x"})).status_code == 418
    if where.scheme:
        assert (await harness.get(PLAY, headers={where.header: phantom})).status_code == 418
