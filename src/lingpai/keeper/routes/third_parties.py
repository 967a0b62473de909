"""Routes of third-party platforms: callbacks, the pages on which merchants begin and end, and one-time results."""

from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import NO_STORE, Call, Reply, Route, Source, Streams
from lingpai.keeper.access import covers, identify
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.parameters import BODY, Id
from lingpai.keeper.relay.logins import cookies_of
from lingpai.keeper.routes import visit_pages
from lingpai.keeper.routes.choices import PlatformName
from lingpai.keeper.routes.shapes import GENERIC
from lingpai.keeper.third_parties import authorizing, callbacks, links
from lingpai.keeper.third_parties.callbacks import Signed

BODY_LIMIT = 64 * 1024
STALL = 5.0
COOKIE = "lingpai_visit"
SUCCESS = Reply(b"success", content_type="text/plain; charset=utf-8")

_AS_SENT = "as the platform sends it"
Sent = Annotated[str, msgspec.Meta(max_length=256, description=_AS_SENT)]
SentText = Annotated[str, msgspec.Meta(max_length=2048, description=_AS_SENT)]
MerchantId = Annotated[Id, msgspec.Meta(description="the merchant's account")]
Result = Annotated[
    str, msgspec.Meta(max_length=2048, description="what the merchant came back with; it works once")
]
Link = Annotated[
    str, msgspec.Meta(max_length=256, description="signs the link, where the operator wants that")
]
Next = Annotated[
    str,
    msgspec.Meta(
        max_length=2048, description="where the merchant goes afterwards: one of the account's next_urls"
    ),
]
AuthType = Annotated[
    str,
    msgspec.Meta(max_length=256, description="the platform's number for what may be chosen; default: any"),
]
OnlyAccount = Annotated[str, msgspec.Meta(max_length=256, description="the one account that may be chosen")]
Language = Annotated[
    str, msgspec.Meta(max_length=256, description="en or zh; default: what the browser asks for")
]
State = Annotated[str, msgspec.Meta(max_length=256, description="the state that the platform sends back")]


class Pushed(msgspec.Struct, kw_only=True):
    """A push: what is signed comes in the query, what is encrypted in the body (XML or JSON)."""

    platform: PlatformName
    account: Id
    msg_signature: Sent = ""
    timestamp: Sent = ""
    nonce: Sent = ""


class MerchantPushed(Pushed, kw_only=True):
    """A push about the account of a merchant."""

    merchant: MerchantId


class Echo(Pushed, kw_only=True):
    """The question of a platform whether this is the right address."""

    echostr: SentText = ""


class MerchantEcho(Echo, kw_only=True):
    """The same for the address with a merchant's account."""

    merchant: MerchantId


class Visiting(msgspec.Struct, kw_only=True):
    """A merchant that is to authorise."""

    platform: PlatformName
    account: Id
    link: Link = ""
    next: Next = ""
    auth_type: AuthType = ""
    biz_appid: OnlyAccount = ""
    lang: Language = ""


class Returning(msgspec.Struct, kw_only=True):
    """A merchant that comes back from the platform's page."""

    platform: PlatformName
    account: Id
    auth_code: Annotated[str, msgspec.Meta(max_length=512, description=_AS_SENT)] = ""
    state: State = ""
    lang: Language = ""


class ResultToTake(msgspec.Struct, kw_only=True):
    """The one-time result that a merchant was led away with."""

    platform: PlatformName
    account: Id
    result: Result


class Authorization(msgspec.Struct, omit_defaults=True):
    """The account that a merchant authorised: ask for its tokens like any other's.

    Attributes:
        account: its name.
        platform: of the account.
        id: there.
        label: of the account, where it has one (WeCom: the suite_id).
    """

    account: str
    platform: str
    id: str
    label: str = ""


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the routes of third-party platforms."""

    async def push(params: Pushed, call: Call) -> Reply:
        signed = Signed(msg_signature=params.msg_signature, timestamp=params.timestamp, nonce=params.nonce)
        merchant = params.merchant if isinstance(params, MerchantPushed) else ""
        body = await _body_of(call)
        await callbacks.receive(keeper, params.platform, params.account, signed, body, merchant)
        return SUCCESS

    async def echo(params: Echo, call: Call) -> Reply:
        del call
        signed = Signed(
            msg_signature=params.msg_signature,
            timestamp=params.timestamp,
            nonce=params.nonce,
            echostr=params.echostr,
        )
        merchant = params.merchant if isinstance(params, MerchantEcho) else ""
        text = await callbacks.echo(keeper, params.platform, params.account, signed, merchant)
        return Reply(text.encode(), content_type=SUCCESS.content_type)

    async def enter(params: Visiting, call: Call) -> Reply:
        provider, account, _ = await callbacks.provider_named(keeper, params.platform, params.account)
        back = f"{keeper.options.origin}/authorize/{params.platform}/{params.account}/return"
        wanted = (params.next, params.auth_type, params.biz_appid)
        if call.bodiless:  # a preview uses up neither link nor code
            links.read_link(keeper, provider, params.link, params.next)
            return visit_pages.begin(call, params.lang, authorizing.NO_ENTRANCE, ())
        async with links.entering(keeper, provider, params.link, params.next):
            entrance = await authorizing.enter(keeper, provider, account, back, wanted)
        secure = "; Secure" if keeper.options.origin.startswith("https:") else ""
        cookie = (
            f"{COOKIE}={entrance.browser}; Path=/authorize/; HttpOnly; SameSite=Lax; Max-Age=3600{secure}"
        )
        # The platform's page looks at where it was opened from.
        headers = (("set-cookie", cookie), ("referrer-policy", "origin"))
        return visit_pages.begin(call, params.lang, entrance, headers)

    async def come_back(params: Returning, call: Call) -> Reply:
        provider, account, _ = await callbacks.provider_named(keeper, params.platform, params.account)
        if not params.auth_code:
            raise LingpaiError(
                Kind.MISSING_PARAMETER, "parameter auth_code is missing", parameter="auth_code"
            )
        state = authorizing.visit_of(keeper, provider, params.state)
        if call.bodiless:  # a preview brings nothing
            return visit_pages.end(call, params.lang, "")
        name = await authorizing.come_back(keeper, provider, params.auth_code, state, call.peer)
        following = authorizing.next_of(keeper, account, state, cookies_of(call).get(COOKIE, ""))
        if name and following:
            result = authorizing.new_result(keeper, provider, name)
            headers = (
                NO_STORE,
                ("location", _with_result(following, result)),
                ("referrer-policy", "no-referrer"),
            )
            return Reply(b"", 303, "text/html; charset=utf-8", headers)
        return visit_pages.end(call, params.lang, name)

    async def take_result(params: ResultToTake, call: Call) -> Authorization:
        provider, _, _ = await callbacks.provider_named(keeper, params.platform, params.account)
        caller = await identify(keeper, call, "token")
        if caller is not None:
            call.caller = caller.name
            if not covers(caller.apps, provider.name):
                raise LingpaiError(Kind.NOT_ALLOWED, "The caller key may not be used for this app.")
        name = await authorizing.take_result(keeper, provider, params.result)
        return Authorization(name, *name.split("/"))

    streams = Streams(BODY_LIMIT, STALL)
    path, query = Source.PATH, Source.PATH | Source.QUERY
    tag, at = "Third-party platforms", "/callback/{platform}/{account}"
    page = visit_pages.problem
    return (
        Route(("POST",), at, Pushed, query, push, GENERIC,
              "Take what a platform pushes: tickets and authorizations", Reply, tag, streams=streams,
              details=PUSH_DETAILS),
        Route(("GET",), at, Echo, query, echo, GENERIC,
              "Answer the platform's question whether this is the right address", Reply, tag),
        Route(("POST",), f"{at}/{{merchant}}", MerchantPushed, query, push, GENERIC,
              "Take what a platform pushes about a merchant's account", Reply, tag, streams=streams,
              details=PUSH_DETAILS),
        Route(("GET",), f"{at}/{{merchant}}", MerchantEcho, query, echo, GENERIC,
              "Answer the same question about the address with a merchant's account", Reply, tag),
        Route(("GET",), "/authorize/{platform}/{account}", Visiting, query, enter, GENERIC,
              "Begin an authorization: a page with a button to the platform's page", Reply, tag, page=page),
        Route(("GET",), "/authorize/{platform}/{account}/return", Returning, query, come_back, GENERIC,
              "End an authorization: where the platform leads the merchant back to", Reply, tag, page=page),
        Route(("POST",), "/v1/authorizations/{platform}/{account}", ResultToTake, path | BODY, take_result, GENERIC,
              "Get the account that a merchant authorised, by the one-time result", Authorization, tag),
    )  # fmt: skip


PUSH_DETAILS = (
    "Signed and encrypted as the platform does it (EncodingAESKey), in XML or JSON. What is not, or is more than 10 "
    "minutes old, is answered with 403 and leaves nothing. What is answered with `success` is stored."
)


async def _body_of(call: Call) -> bytes:
    if call.streamed is None:
        raise AssertionError("a route that streams gets the request as it came")
    return b"".join([piece async for piece in call.streamed.body])


def _with_result(url: str, result: str) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("result", result)]
    return urlunsplit(parts._replace(query=urlencode(query)))
