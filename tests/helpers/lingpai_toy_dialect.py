"""A dialect of another package, as its author would write it: one module, and an entry point of one line."""

from typing import Annotated, Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.setting_types import Section
from lingpai.core.wire import Call, Reply, Route, Source
from lingpai.issuer.authorizations import AnswerStyle, Entry
from lingpai.issuer.bearer import bearer_token
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialect import Dialect, Mounted, Mounting
from lingpai.issuer.pages import Pages
from lingpai.issuer.policy import MINUTE, Policy
from lingpai.issuer.redirects import choose_redirect
from lingpai.issuer.samples import (
    Document,
    SampleClient,
    SampleRealm,
    Samples,
    SignIn,
    Values,
    digits,
    secret,
)
from lingpai.issuer.verbs.apps import authenticate_app, find_app, require_grant
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh

PLAY, WIND = "play", "wind"
"""Grant types."""


class ToySettings(Section):
    """Settings of a realm of the dialect."""

    toy_greeting: str = "hello"
    """toy only: what comes before the player."""


class PlayParams(msgspec.Struct):
    """Asks a player."""

    toy: Annotated[str, msgspec.Meta(description="the toy's number")]
    back: str
    state: str | None = None


class KeyParams(msgspec.Struct):
    """Asks for a key."""

    toy: str
    spring: str
    play: str | None = None
    wind: str | None = None


class Key(msgspec.Struct):
    """A key."""

    key: str
    wind: str
    seconds: int


class PlayerParams(msgspec.Struct):
    """Asks for the player."""

    key: str | None = None


class ToyShape:
    """Everything in one object; errors by the names of their kinds."""

    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id
        return Reply(msgspec.json.encode({"toy": value}))

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        status = {Kind.NOT_FOUND: 404, Kind.METHOD_NOT_ALLOWED: 405}.get(error.kind, 418)
        return Reply(msgspec.json.encode({"broken": error.kind.value, "trace": trace_id}), status=status)


SHAPE = ToyShape()


class Toys:
    """The endpoints of one realm."""

    def __init__(self, issuer: Issuer, entry: Entry, greeting: str) -> None:
        self._issuer = issuer
        self._entry = entry
        self._greeting = greeting

    async def play(self, params: PlayParams, call: Call) -> Reply:
        app = await find_app(self._issuer, params.toy)
        choose_redirect(app.redirect_uris, params.back, loopback_ports=False)
        return await self._entry.open(call, app, Asked(redirect_uri=params.back, state=params.state))

    async def key(self, params: KeyParams, call: Call) -> Key:
        app = await authenticate_app(self._issuer, params.toy, params.spring, call.peer)
        require_grant(app, WIND if params.wind else PLAY)
        if params.wind:
            tokens = await refresh(self._issuer, app, params.wind)
        else:
            tokens = await redeem(self._issuer, app, params.play or "")
        return Key(tokens.access_token, tokens.refresh_token, tokens.expires_in)

    async def player(self, params: PlayerParams, call: Call) -> str:
        resolved = await resolve_access_token(self._issuer, bearer_token(call, params.key))
        return f"{self._greeting} {resolved.open_id}"


def _mount(realm: Mounting) -> Mounted:
    pages = Pages(realm.issuer, realm.site, AnswerStyle())
    toys, tag = Toys(realm.issuer, pages, realm.settings.toy_greeting), f"Toy: {realm.issuer.realm}"
    form = Source.URLENCODED | Source.NO_LISTS
    routes = (
        Route(("GET",), realm.prefix + "/play", PlayParams, Source.QUERY, toys.play, SHAPE, "Ask a player",
              Reply, tag, pages.error_page),
        Route(("POST",), realm.prefix + "/key", KeyParams, form, toys.key, SHAPE, "Get a key", Key, tag),
        Route(("GET",), realm.prefix + "/player", PlayerParams, Source.QUERY, toys.player, SHAPE,
              "Get the player", str, tag),
    )  # fmt: skip
    return Mounted(routes, ((realm.prefix + "/", SHAPE),)).beside(pages)


async def _add(realm: SampleRealm) -> None:
    app = App(
        realm=realm.issuer.realm,
        app_id=realm.values["toy_id"],
        name="Toy",
        redirect_uris=(realm.redirect_uri,),
    )
    await realm.add(app, realm.values["toy_spring"])


def _describe(values: Values, _url: str, redirect_uri: str) -> Document:
    return {"toy": {"toy": values["toy_id"], "spring": values["toy_spring"], "back": redirect_uri}}


def _call(apps: Document, url: str) -> str:
    return f"curl '{url}/player?key={apps['toy']['toy']}'"


async def _finish(client: SampleClient, code: str) -> None:
    given = {"toy": client.app_id, "spring": client.secret, "play": code}
    answer = await client.send("换钥匙 Get a key", "/key", given)
    client.refresh_token = answer["toy"]["wind"]


TOY = Dialect(
    name="toy",
    policy=Policy(code=MINUTE, access=10 * MINUTE, refresh=60 * MINUTE, redirect_repeated=False),
    mount=_mount,
    settings=ToySettings,
    prefix="/toys",
    grants=(PLAY, WIND),
    chinese=lambda: {"Get the player": "获取玩家", "Toy: {realm}": "玩具协议：{realm}"},
    samples=Samples(
        values={"toy_id": lambda: digits(4), "toy_spring": secret},
        add=_add,
        describe=_describe,
        variables={"TOY": ("toy", "toy")},
        call=_call,
        sign_in=SignIn(
            about=("玩具", "a toy"),
            button=("玩", "Play"),
            app=("toy_id", "toy_spring"),
            finish=_finish,
            authorize="/play",
            parameters=lambda client: {"toy": client.app_id, "back": client.redirect_uri},
        ),
    ),
)
