"""Drop-in routes in the platforms' own form: an existing SDK needs nothing but another base URL.

The client's `secret` is the app's own secret or a caller key. Nothing here ever forces a refresh, whatever the client
asks for: a client that fetches in a loop is served the stored token. Who has a live token may have a ticket with it,
as at the platform itself. Which routes there are is declared in the platforms' files.
"""

from typing import Any

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential
from lingpai.core.wire import Call, Route, Shape, Verb
from lingpai.keeper.access import Ask, authorize
from lingpai.keeper.app import App
from lingpai.keeper.exchange import exchange
from lingpai.keeper.forwarding.bearers import bearer_of
from lingpai.keeper.generations import current_of, is_live
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.parameters import BODY
from lingpai.keeper.platforms.drop_in import DropIn, DropInExchange, DropInTicket, DropInToken, TokenAnswer
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Platform
from lingpai.keeper.platforms.registry import platform_types
from lingpai.keeper.routes.token_answers import answer_token


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the drop-in routes of every platform of this keeper."""
    return tuple(
        _route(keeper, keeper.platforms[each.name], each.shape, declared)
        for each in platform_types().values()
        if each.name in keeper.platforms and each.shape is not None
        for declared in each.drop_ins
    )


def _route(keeper: Keeper, platform: Platform, shape: Shape, declared: DropIn) -> Route:
    verb, returns = _verb(keeper, platform, declared)
    return Route(
        declared.methods,
        declared.path,
        declared.params,
        BODY,
        verb,
        shape,
        declared.summary,
        returns,
        "Drop-in",
    )


def _verb(keeper: Keeper, platform: Platform, declared: DropIn) -> tuple[Verb, Any]:
    match declared:
        case DropInToken():
            return _token_verb(keeper, platform, declared), declared.returns
        case DropInTicket():
            return _ticket_verb(keeper, platform, declared), declared.returns
        case DropInExchange():
            return _exchange_verb(keeper, platform, declared), dict[str, Any]
        case _:
            raise TypeError(f"{declared.path}: no kind of drop-in route")


def _token_verb(keeper: Keeper, platform: Platform, declared: DropInToken) -> Verb:
    make = None if declared.answer is TokenAnswer else declared.answer

    async def token(params: Any, call: Call) -> Any:
        if declared.check is not None:
            declared.check(params)
        answer = await answer_token(keeper, call, _ask(platform, declared, params, "token"))
        if make is None:
            return answer
        cached = call.cached_answer
        if cached is not None:
            call.cached_answer = lambda: _made(make, cached())
        return make(answer.access_token, answer.expires_in)

    return token


def _ask(platform: Platform, declared: DropInToken | DropInExchange, params: Any, right: str) -> Ask:
    account, secret = (getattr(params, name) for name in declared.app)
    return Ask(platform, account, secret, right)


def _made(make: Any, answer: TokenAnswer | None) -> Any:
    return None if answer is None else make(answer.access_token, answer.expires_in)


def _ticket_verb(keeper: Keeper, platform: Platform, declared: DropInTicket) -> Verb:
    async def ticket(params: Any, call: Call) -> Any:
        kind = _kind_of(declared, params)
        return declared.answer(*await _ticket(keeper, call, platform, params.access_token, kind))

    return ticket


def _kind_of(declared: DropInTicket, params: Any) -> str:
    if "" in declared.kinds:
        return declared.kinds[""]
    kind = declared.kinds.get(params.type)
    if kind is None:
        message = f"type must be {' or '.join(declared.kinds)}"
        raise LingpaiError(Kind.INVALID_PARAMETER, message, parameter="type")
    return kind


def _exchange_verb(keeper: Keeper, platform: Platform, declared: DropInExchange) -> Verb:
    async def exchange_code(params: Any, call: Call) -> dict[str, Any]:
        app = await authorize(keeper, call, _ask(platform, declared, params, "exchange"))
        return await exchange(keeper, app, declared.kind, getattr(params, declared.code))

    return exchange_code


async def _ticket(keeper: Keeper, call: Call, platform: Platform, token: str, kind: str) -> tuple[str, int]:
    """Return a ticket and its remaining seconds."""
    app = await app_of_token(keeper, call, platform, token)
    try:
        current = current_of(await keeper.credentials.get_or_fetch(app, kind))
    except LingpaiError as error:
        if error.kind is not Kind.NO_SECRET:
            raise
        # Its token is dead, and only who has the secret gets another: this makes clients fetch one.
        raise LingpaiError(
            Kind.UNKNOWN_TOKEN, "the platform no longer accepts this access_token; fetch another one"
        ) from error
    keeper.audit.count(app.asker, app.logged_name, "ticket")
    return current.value, int(current.end.remaining(keeper.clock))


async def app_of_token(keeper: Keeper, call: Call, platform: Platform, token: str) -> App:
    """Return the app for which we handed out this live token, or phantom token.

    Who has the platform's token could ask the platform itself; who has a phantom token needs the right `ticket`.

    Raises:
        LingpaiError: UNKNOWN_TOKEN when we did not, or it has ended; NOT_ALLOWED.
    """
    credential = await keeper.store.find_credential(token)
    if credential is None:
        phantom = keeper.phantoms.read(token)
        if phantom is not None and phantom.platform == platform.name:
            return (await bearer_of(keeper, call, phantom, "ticket"))[0]
    if credential is None or not _is_live_token(keeper, credential, platform, token):
        raise LingpaiError(
            Kind.UNKNOWN_TOKEN, "access_token was not issued through this service, or it has expired"
        )
    return await app_of_credential(keeper, credential, f"token:{platform.name}/{credential.key.account}")


async def app_of_credential(keeper: Keeper, credential: Credential, asker: str) -> App:
    """Return the app that a credential belongs to; one without a secret when it is not configured."""
    key = credential.key
    for account in await keeper.store.find_accounts(key.platform, key.account):
        app = keeper.app_of(account, asker)
        if app.digest == key.secret_digest:
            return app
    return App(
        platform=keeper.platforms[key.platform],
        account=key.account,
        secret="",
        digest=key.secret_digest,
        configured=False,
        asker=asker,
    )


def _is_live_token(keeper: Keeper, credential: Credential, platform: Platform, token: str) -> bool:
    if credential.key.platform != platform.name or credential.key.kind != ACCESS_TOKEN:
        return False
    generations = (credential.current, credential.previous)
    return any(each is not None and each.value == token and is_live(keeper, each) for each in generations)
