"""Drop-in routes in the platforms' own form: an existing SDK needs nothing but another base URL.

The client's `secret` is the app's own secret or a caller key. Nothing here ever forces a refresh, whatever the client
asks for: a client that fetches in a loop is served the stored token. Who has a live token may have a ticket with it,
as at the platform itself. Which routes there are is declared in the platforms' files.
"""

from typing import Any

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call, Route, Shape, Verb
from lingpai.keeper.access import Ask, authorize
from lingpai.keeper.exchange import exchange
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.parameters import BODY
from lingpai.keeper.platforms.drop_in import (
    DropIn,
    DropInExchange,
    DropInTicket,
    DropInToken,
    DropInTokenExchange,
    DropInUserCall,
    TokenAnswer,
)
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Platform
from lingpai.keeper.platforms.registry import platform_types
from lingpai.keeper.routes.token_answers import answer_token, further_token
from lingpai.keeper.routes.token_holders import app_of_token, demanding_live_token, token_at
from lingpai.keeper.routes.user_calls import user_call_verb


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
        case DropInTokenExchange():
            return _token_exchange_verb(keeper, platform, declared), dict[str, Any]
        case DropInUserCall():
            return user_call_verb(keeper, platform, declared), dict[str, Any]
        case _:
            raise TypeError(f"{declared.path}: no kind of drop-in route")


def _token_verb(keeper: Keeper, platform: Platform, declared: DropInToken) -> Verb:
    make = None if declared.answer is TokenAnswer else declared.answer

    async def token(params: Any, call: Call) -> Any:
        if declared.check is not None:
            declared.check(params)
        ask = _ask(platform, declared, params, "token")
        if declared.kind != ACCESS_TOKEN:
            return declared.answer(*await further_token(keeper, call, ask, declared.kind))
        answer = await answer_token(keeper, call, ask)
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
        token = token_at(call, params, declared.place)
        return declared.answer(*await _ticket(keeper, call, platform, token, kind))

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
        return declared.answer(await exchange(keeper, app, declared.kind, getattr(params, declared.code)))

    return exchange_code


def _token_exchange_verb(keeper: Keeper, platform: Platform, declared: DropInTokenExchange) -> Verb:
    async def exchange_code(params: Any, call: Call) -> dict[str, Any]:
        token = token_at(call, params, declared.place)
        app = await app_of_token(keeper, call, platform, token, "exchange", declared.path)
        with demanding_live_token():
            answer = await exchange(keeper, app, declared.kind, getattr(params, declared.code))
        return declared.answer(answer)

    return exchange_code


async def _ticket(keeper: Keeper, call: Call, platform: Platform, token: str, kind: str) -> tuple[str, int]:
    """Return a ticket and its remaining seconds."""
    app = await app_of_token(keeper, call, platform, token, "ticket")
    with demanding_live_token():
        current = current_of(await keeper.credentials.get_or_fetch(app, kind))
    keeper.audit.count(app.asker, app.logged_name, "ticket")
    return current.value, int(current.end.remaining(keeper.clock))
