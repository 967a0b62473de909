"""Routes of the relay: where browsers log in and come back, and where platforms push messages."""

import asyncio
from typing import Annotated, Final
from urllib.parse import quote_from_bytes

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.languages import CHINESE, in_language_of, preferred
from lingpai.core.relays import Relay, RelayMessage
from lingpai.core.wire import NO_STORE, Call, Reply, Route, Source, Streams
from lingpai.design.pages import self_contained_page
from lingpai.design.words import COMMON
from lingpai.keeper.counters import RELAY_MESSAGES
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.parameters import Id
from lingpai.keeper.relay.logins import Asked, Leave
from lingpai.keeper.relay.messages import Signed, echo, read_message
from lingpai.keeper.relay.receiving import receive
from lingpai.keeper.routes.choices import Label, PlatformName, platform_of
from lingpai.keeper.routes.shapes import GENERIC

BODY_LIMIT: Final = 128 * 1024
STALL: Final = 5.0
BODY_WITHIN: Final = 10.0
"""Seconds for the whole body of a push."""
_PLAIN: Final = "text/plain; charset=utf-8"
_WORDS: Final = {
    "en": {**COMMON["en"], "title": "Login not possible"},
    "zh": {**COMMON["zh"], "title": "无法登录"},
}

RedirectUri = Annotated[
    str, msgspec.Meta(max_length=1024, description="the environment's address, as listed")
]
Scope = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        pattern="^[A-Za-z0-9_,]*$",
        description="as the platform has them; default: snsapi_base",
    ),
]
State = Annotated[
    str, msgspec.Meta(max_length=512, description="the environment's own, which comes back unchanged")
]
AgentId = Annotated[str, msgspec.Meta(max_length=16, pattern="^[0-9]*$", description="of a WeCom app")]
Exchange = Annotated[
    str,
    msgspec.Meta(
        pattern="^[01]?$", description="1 for a code of Lingpai's, which only /v1/exchanges and the like take"
    ),
]
OwnState = Annotated[str, msgspec.Meta(max_length=128, description="the state that the platform sends back")]
PlatformCode = Annotated[str, msgspec.Meta(max_length=512, description="the platform's code")]
Part = Annotated[str, msgspec.Meta(max_length=128, description="as the platform sends it")]
Text = Annotated[str, msgspec.Meta(max_length=2048, description="as the platform sends it")]

AUTHORIZE_DETAILS = (
    "Send browsers here instead of to the platform's page. They come back to redirect_uri with `code` and the "
    "environment's `state`. The address has to be listed by an environment of the account, exactly."
)
MESSAGE_DETAILS = (
    "Enter this address at the platform, with the token and the EncodingAESKey of `lingpai relay set`. A message goes "
    "to the primary environment, whose answer is the answer if it comes within 4.5 seconds (else `success`), and as "
    "copies to the others. Repeats of the platform reach no environment again."
)


class LoginAsked(msgspec.Struct):
    """A login that an environment begins. The platform's page asks the user."""

    platform: PlatformName
    account: Id
    redirect_uri: RedirectUri
    scope: Scope = ""
    state: State = ""
    agentid: AgentId = ""
    exchange: Exchange = ""


class LoginDone(msgspec.Struct):
    """A browser that comes back from the platform."""

    platform: PlatformName
    account: Id
    state: OwnState
    code: PlatformCode = ""


class AddressCheck(msgspec.Struct):
    """The platform's check of the address, when it is entered there."""

    platform: PlatformName
    account: Id
    echostr: Text
    timestamp: Part
    nonce: Part
    signature: Part = ""
    msg_signature: Part = ""


class Pushed(msgspec.Struct):
    """A message as the platform pushes it; the body is XML or JSON, in clear or encrypted."""

    platform: PlatformName
    account: Id
    timestamp: Part
    nonce: Part
    signature: Part = ""
    msg_signature: Part = ""


class LabelledCheck(AddressCheck):
    """As without a label."""

    label: Label = ""


class LabelledPush(Pushed):
    """As without a label."""

    label: Label = ""


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the routes of the relay."""

    async def begin(params: LoginAsked, _call: Call) -> Reply:
        platform = platform_of(keeper, params.platform)
        asked = Asked(
            platform=platform,
            account=params.account,
            redirect_uri=params.redirect_uri,
            scope=params.scope,
            state=params.state,
            agentid=params.agentid,
            exchange=params.exchange == "1",
        )
        return _leave(await keeper.logins.begin(asked))

    async def finish(params: LoginDone, call: Call) -> Reply:
        platform = platform_of(keeper, params.platform)
        return _leave(await keeper.logins.finish(call, platform, params.account, params.state, params.code))

    async def check(params: AddressCheck, _call: Call) -> Reply:
        relay = await _relay_of(keeper, params)
        return Reply(echo(relay, _signed(params), keeper.clock.now()), content_type=_PLAIN)

    async def take(params: Pushed, call: Call) -> Reply:
        relay = await _relay_of(keeper, params)
        body, query = await _read(call)
        try:
            message = read_message(relay, _signed(params), body, keeper.clock.now())
        except LingpaiError:
            RELAY_MESSAGES.labels(relay.app, "refused").inc()
            raise
        digest = keeper.digest_code(msgspec.json.encode((relay.app, *message.identity)).decode())
        push = RelayMessage(
            app=relay.app,
            digest=digest,
            query=query,
            content_type=call.header("content-type") or "",
            body=body.decode(),
        )
        answer = await receive(keeper, relay, message, push)
        return Reply(answer.body.encode(), content_type=answer.content_type)

    path = Source.PATH | Source.QUERY
    login, messages, tag = "/relay/{platform}/{account}", "/relay/{platform}/{account}/messages", "Relay"
    labelled = "/relay/{platform}/{account}/{label}/messages"
    streams = Streams(BODY_LIMIT, STALL)
    check_summary, push_summary = "Answer the platform's check of the address", "Receive a message"
    return (
        Route(("GET",), f"{login}/authorize", LoginAsked, path, begin, GENERIC,
              "Begin a login for an environment", Reply, tag, page=_page, details=AUTHORIZE_DETAILS),
        Route(("GET",), f"{login}/return", LoginDone, path, finish, GENERIC,
              "Take a browser that comes back from the platform to its environment", Reply, tag, page=_page),
        Route(("GET",), messages, AddressCheck, path, check, GENERIC, check_summary, Reply, tag),
        Route(("POST",), messages, Pushed, path, take, GENERIC, push_summary, Reply, tag,
              details=MESSAGE_DETAILS, streams=streams),
        Route(("GET",), labelled, LabelledCheck, path, check, GENERIC, check_summary, Reply, tag),
        Route(("POST",), labelled, LabelledPush, path, take, GENERIC, push_summary, Reply, tag,
              details=MESSAGE_DETAILS, streams=streams),
    )  # fmt: skip


async def _relay_of(keeper: Keeper, params: AddressCheck | Pushed) -> Relay:
    label = getattr(params, "label", "")
    app = "/".join(filter(None, (params.platform, params.account, label)))
    found = await keeper.store.find_relay(app)
    if found is None:
        raise LingpaiError(Kind.NOT_FOUND, "No messages are relayed at this address.")
    return found


def _signed(params: AddressCheck | Pushed) -> Signed:
    return Signed(
        signature=params.signature,
        msg_signature=params.msg_signature,
        timestamp=params.timestamp,
        nonce=params.nonce,
        echostr=getattr(params, "echostr", ""),
    )


_IN_QUERIES = "-._~:/?[]@!$&'()*+,;=%"
"""What an address may have in its query (RFC 3986 §3.4), besides letters and digits; the rest is percent-encoded."""


async def _read(call: Call) -> tuple[bytes, str]:
    """Return the body and the query of a push.

    Raises:
        LingpaiError: REQUEST_TIMEOUT, BODY_TOO_LARGE.
    """
    request = call.streamed
    assert request is not None  # noqa: S101  the route streams
    try:
        async with asyncio.timeout(BODY_WITHIN):
            body = b"".join([chunk async for chunk in request.body])
    except TimeoutError as error:
        raise LingpaiError(Kind.REQUEST_TIMEOUT, "The body did not come in time.") from error
    return body, quote_from_bytes(request.target.partition(b"?")[2], safe=_IN_QUERIES)


def _leave(leave: Leave) -> Reply:
    headers = [NO_STORE, ("location", leave.location), ("referrer-policy", "no-referrer")]
    if leave.cookie is not None:
        headers.append(("set-cookie", leave.cookie))
    return Reply(b"", 303, "text/html; charset=utf-8", tuple(headers))


def _page(error: LingpaiError, call: Call) -> Reply:
    """Return the page that says why a login is not possible."""
    accept = call.header("accept-language")
    lang = "zh" if preferred(accept) == CHINESE else "en"
    words = {**_WORDS[lang], "lead": in_language_of(accept, error.reason)}
    return self_contained_page(
        "lingpai.edge", "missing", lang, status=error.kind.status, words=words, brand="Lingpai 令牌", links=()
    )
