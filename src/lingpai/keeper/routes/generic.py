"""The generic routes, for callers written anew: any platform, any kind, versions and waiting."""

from typing import Annotated, Any

import msgspec

from lingpai.core.etags import is_named
from lingpai.core.records import Credential, Generation
from lingpai.core.wire import NO_STORE, Call, Reply, Route, Source
from lingpai.keeper.access import Ask, authorize
from lingpai.keeper.app import App
from lingpai.keeper.exchange import exchange
from lingpai.keeper.generations import current_of, is_live
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.parameters import BODY, Code, Id, Secret
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.routes import texts
from lingpai.keeper.routes.choices import Label, PlatformName, demand_choice, platform_of
from lingpai.keeper.routes.shapes import GENERIC

MAX_WAIT = 60.0

TokenKind = Annotated[str, msgspec.Meta(max_length=80, description=texts.TOKEN_KINDS)]
ExchangeKind = Annotated[str, msgspec.Meta(max_length=32, description=texts.EXCHANGE_KINDS)]
Wait = Annotated[
    float,
    msgspec.Meta(
        ge=0,
        le=MAX_WAIT,
        description="seconds to wait for a version other than the one in If-None-Match; no effect without "
        "If-None-Match",
    ),
]

VERSION_DETAILS = (
    "The answer has an ETag. Send it back as If-None-Match: while the version is the same, the answer is "
    "304 without a body. With `wait` as well, the answer waits for the next version for that many "
    "seconds, then it is 304. `expires_in` is the remaining lifetime in seconds; `previous` is the token "
    "before while the platform still accepts it, else null."
)
EXCHANGE_DETAILS = (
    "The answer is the platform's own, by `kind`. wechat `oauth`: access_token, expires_in, "
    "refresh_token, openid, scope, maybe unionid and is_snapshotuser. wechat `mini`: openid, session_key,"
    " maybe unionid. wecom `login`: userid, or openid of an outsider, maybe user_ticket and "
    "external_userid. wecom `mini`: session_key, corpid, userid. yzb `oauth`: open_id, access_token, "
    "expires_in, refresh_token, scope. yilianyun `code` and `scan`: no tokens; Lingpai keeps them, get "
    "them as `terminal:<machine_code>`. A code works once; the same caller at the same address gets the "
    "same answer again within keeper.exchange_repeats seconds."
)


class Wanted(msgspec.Struct):
    """A token or ticket.

    `kind` is access_token, one of the platform's tickets, or terminal:<number> for a terminal's token.
    `wait` (seconds, at most 60) delays the answer until there is another version than in If-None-Match.
    """

    platform: PlatformName
    account: Id
    kind: TokenKind = ACCESS_TOKEN
    label: Label | None = None
    secret: Secret | None = None
    wait: Wait = 0.0


class CodeToExchange(msgspec.Struct):
    """A code that the platform accepts once.

    Tokens of a terminal that a code is exchanged for stay here: get them as those of the terminal.
    """

    platform: PlatformName
    account: Id
    code: Code
    kind: ExchangeKind
    label: Label | None = None
    secret: Secret | None = None


class Previous(msgspec.Struct):
    """The generation before, while the platform still takes it."""

    value: str
    expires_in: int
    version: int


class Held(msgspec.Struct):
    """A token or ticket.

    Its remaining lifetime in whole seconds, its version, and the generation before it while that lives.
    """

    platform: str
    account: str
    kind: str
    value: str
    expires_in: int
    version: int
    previous: Previous | None


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the generic routes over this keeper."""

    async def get_held(params: Wanted, call: Call) -> Reply:
        platform = platform_of(keeper, params.platform)
        if not platform.takes(params.kind):
            demand_choice("kind", params.kind, platform.known_kinds)
        right = "ticket" if params.kind in platform.tickets else "token"
        ask = Ask(platform, params.account, params.secret, right, params.label)
        app = await authorize(keeper, call, ask)
        credential = await keeper.credentials.get_or_fetch(app, params.kind)
        if call.if_none_match is not None:
            credential = await _another(keeper, call, ask, params, credential)
            if is_named(_etag(credential), call.if_none_match):
                return Reply(b"", 304, headers=(NO_STORE, ("etag", _etag(credential))))
        keeper.audit.count(app.asker, app.logged_name, right)
        body = msgspec.json.encode(_held(keeper, app, credential, handed=right == "token"))
        return Reply(body, headers=(NO_STORE, ("etag", _etag(credential))))

    async def exchange_code(params: CodeToExchange, call: Call) -> dict[str, Any]:
        platform = platform_of(keeper, params.platform)
        demand_choice("kind", params.kind, platform.exchanges)
        ask = Ask(platform, params.account, params.secret, "exchange", params.label)
        return await exchange(keeper, await authorize(keeper, call, ask), params.kind, params.code)

    path = Source.PATH | Source.QUERY
    body = Source.PATH | BODY
    tag = "Generic"
    return (
        Route(("GET",), "/v1/tokens/{platform}/{account}", Wanted, path, get_held, GENERIC,
              "Get a token or ticket with its version, or wait for the next version", Held, tag,
              details=VERSION_DETAILS),
        Route(("POST",), "/v1/exchanges/{platform}/{account}", CodeToExchange, body, exchange_code, GENERIC,
              "Exchange a login code for a user, or a terminal's code for its tokens", dict[str, Any], tag,
              details=EXCHANGE_DETAILS),
    )  # fmt: skip


async def _another(
    keeper: Keeper, call: Call, ask: Ask, params: Wanted, credential: Credential
) -> Credential:
    """Return the credential once its version is one that the caller does not know.

    Or as it is after `params.wait` seconds, or at the end of the service.

    Raises:
        LingpaiError: as `authorize`, when the caller may not have it any more (threat K91), and as
            `Credentials.get_or_fetch`.
    """
    give_up = keeper.clock.steady() + params.wait
    async with keeper.waits.until_the_end():
        while is_named(_etag(credential), call.if_none_match):
            rest = give_up - keeper.clock.steady()
            if rest <= 0:
                break
            await keeper.store.wait_change(rest)
            credential = await keeper.credentials.get_or_fetch(
                await authorize(keeper, call, ask), params.kind
            )
    return credential


def _held(keeper: Keeper, app: App, credential: Credential, *, handed: bool) -> Held:
    """Return a credential as the caller gets it; `handed` for a token, which may be a phantom token."""
    kind = credential.key.kind

    def value_of(generation: Generation) -> str:
        return keeper.phantoms.made_for(app, kind, generation) if handed else generation.value

    current = current_of(credential)
    before = credential.previous
    previous = None
    if before is not None and is_live(keeper, before):
        previous = Previous(value_of(before), _rest(keeper, before), before.version)
    return Held(
        app.platform.name,
        app.account,
        kind,
        value_of(current),
        _rest(keeper, current),
        current.version,
        previous,
    )


def _rest(keeper: Keeper, generation: Generation) -> int:
    return int(generation.end.remaining(keeper.clock))


def _etag(credential: Credential) -> str:
    # Versions count anew when an app's secret was changed, and the id of its row does not come back.
    return f'"{credential.id}-{credential.version}"'
