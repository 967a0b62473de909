"""Exchanging login codes, which the platforms take once (docs/spec/platforms.md).

A code is never sent twice of our own accord: a timeout may have used it up. A caller that asks again with the same
code within `keeper.exchange_repeats` seconds, from the same address, gets the same answer again, so that a lost answer
or an impatient client does not log a user out. To everybody else a used code is a used code.
"""

import asyncio
from typing import Any, NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.networks import network_of
from lingpai.core.third_parties import Via
from lingpai.keeper.app import App
from lingpai.keeper.context import log
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platform_client import SentAt, call_platform
from lingpai.keeper.platforms.forms import member
from lingpai.keeper.platforms.platform import ExchangeCall, Request, Severity
from lingpai.keeper.platforms.third_party import AskedCall
from lingpai.keeper.terminals import adopt
from lingpai.keeper.third_parties.calls import ask_with_token
from lingpai.keeper.third_parties.providers import provider_of
from lingpai.keeper.upstream import Refusal, Unreachable

MAX_CODE = 512
POLL = 0.1
_SHARE = 0.95
"""Of the time that a claim lasts, in which the exchange is to be over."""


def _tuple(*parts: str) -> str:
    """Return parts as one text, which no other parts make."""
    return msgspec.json.encode(parts).decode()


class _Claim(NamedTuple):
    digest: bytes
    holder: str


async def exchange(keeper: Keeper, app: App, kind: str, code: str) -> dict[str, Any]:
    """Return what the platform answers to this code: the fields that `ExchangeCall` names, in its order.

    Args:
        keeper: the keeper.
        app: for whom; its `asker` and `peer` count as the caller.
        kind: one of the platform's exchanges.
        code: as the user's client got it, or as the relay made it (`relay.codes`).

    Raises:
        LingpaiError: UPSTREAM_REFUSED with the platform's number, and with `parameter` when the code itself is at
            fault; UPSTREAM_UNAVAILABLE when it is not known what became of the code.
    """
    if len(code) > MAX_CODE:
        raise LingpaiError(Kind.INVALID_PARAMETER, "The code is too long.", parameter="code")
    code = keeper.relayed_codes.read(app, code)
    digest = keeper.digest_code(
        _tuple(app.name, app.digest.hex(), kind, app.asker, network_of(app.peer), code)
    )
    give_up = keeper.clock.steady() + keeper.options.patience
    ours = _Claim(digest, keeper.lease_holder())
    while True:
        ends_at = keeper.clock.now() + keeper.options.exchange_repeats
        claim = await keeper.store.claim_exchange(*ours, keeper.options.lease, ends_at)
        if claim.answer is not None:
            keeper.audit.write(app.asker, app.logged_name, f"exchange {kind}", "repeated")
            answer: dict[str, Any] = msgspec.json.decode(claim.answer)
            return answer
        if claim.claimed:
            return await _make(keeper, app, kind, code, ours)
        if keeper.clock.steady() >= give_up:
            raise LingpaiError(
                Kind.UPSTREAM_UNAVAILABLE, "This code is being exchanged already; try again.", retry_after=1
            )
        await keeper.store.wait_change(POLL)


async def _make(keeper: Keeper, app: App, kind: str, code: str, claim: _Claim) -> dict[str, Any]:
    """Make a claimed exchange.

    It goes on when the caller disconnects, and a shutdown awaits it: the next request with the code gets the answer.
    """
    return await asyncio.shield(
        keeper.background.start(_claimed(keeper, app, kind, code, claim), finish=True)
    )


async def _claimed(keeper: Keeper, app: App, kind: str, code: str, claim: _Claim) -> dict[str, Any]:
    try:
        kept = await _within_claim(keeper, app, app.platform.exchanges[kind], code)
    except BaseException as error:
        await keeper.store.drop_exchange(*claim)
        keeper.audit.write(app.asker, app.logged_name, f"exchange {kind}", "failed")
        if isinstance(error, Refusal):
            raise LingpaiError(
                Kind.UPSTREAM_REFUSED,
                error.message,
                code=error.code,
                parameter="code" if app.platform.fault(error.code).severity is Severity.CALLER else "",
            ) from error
        if isinstance(error, Unreachable):
            raise LingpaiError(
                Kind.UPSTREAM_UNAVAILABLE,
                f"The call to the upstream platform failed: {error}. The code may have been "
                "used: if it fails again, let the user log in again.",
            ) from error
        raise
    await _keep(keeper, claim, kept)
    keeper.audit.write(app.asker, app.logged_name, f"exchange {kind}", "ok")
    return kept


async def _within_claim(keeper: Keeper, app: App, call: ExchangeCall, code: str) -> dict[str, Any]:
    """Make the calls of an exchange, in less time than its claim lasts: after that, others send the code too."""
    try:
        async with asyncio.timeout(keeper.options.lease * _SHARE):
            if app.via is not None and call.by_provider is not None:
                return await _by_provider(keeper, app, app.via, call, code)
            if call.with_token:
                return await _with_token(keeper, app, call, code)
            return await keeper.proofs.call(app, lambda: _with_secret(keeper, app, call, code))
    except TimeoutError as error:
        raise Unreachable("it took too long") from error


async def _keep(keeper: Keeper, claim: _Claim, answer: dict[str, Any]) -> None:
    """Save an answer for a repeated request; whoever waits now gets it also when that fails, as the code is used up."""
    ends_at = keeper.clock.now() + keeper.options.exchange_repeats
    try:
        await keeper.store.finish_exchange(*claim, msgspec.json.encode(answer).decode(), ends_at)
    except LingpaiError as error:
        log.warning("answer_not_kept", error=error.kind.value)


def _pick_fields(call: ExchangeCall, answer: dict[str, Any]) -> dict[str, Any]:
    if call.inside:
        found = member(answer, call.inside)
        answer = found if isinstance(found, dict) else {}
    missing = [name for name in call.required if answer.get(name) is None]
    if missing:
        raise Unreachable(f"an answer without {', '.join(missing)}")
    picked = {name: answer[name] for name in (*call.required, *call.optional) if answer.get(name) is not None}
    if not picked:
        raise Unreachable("an answer that names no user")
    return picked


async def _with_secret(keeper: Keeper, app: App, call: ExchangeCall, code: str) -> dict[str, Any]:
    sent_at = SentAt(keeper)
    query = call.query(app.account, app.secret, code)
    answer = await call_platform(keeper, app, call.method, call.path, query, at=call.at)
    if call.terminal:
        await adopt(keeper, app, call.terminal, sent_at, answer)
    return _pick_fields(call, answer)


async def _by_provider(keeper: Keeper, app: App, via: Via, call: ExchangeCall, code: str) -> dict[str, Any]:
    """An exchange for a merchant's account, with the token of the third-party platform that acts for it."""
    if call.by_provider is None:
        raise AssertionError("the third-party platform exchanges no such codes")
    path, query = call.by_provider
    provider = await provider_of(keeper, via)

    def request(account: str, _argument: None) -> Request:
        return query(account, app.account, code)

    answer = await ask_with_token(keeper, provider, AskedCall(path=path, request=request, method="GET"), None)
    if call.owner and answer.get(call.owner) != app.account:
        # The third-party platform's token exchanges the codes of all its merchants' users.
        raise LingpaiError(Kind.UPSTREAM_REFUSED, "The code was made for another account.", parameter="code")
    return _pick_fields(call, answer)


async def _with_token(keeper: Keeper, app: App, call: ExchangeCall, code: str) -> dict[str, Any]:
    """An exchange that carries the access token.

    A dead token uses up no code, so that alone is tried again.
    """
    token = current_of(await keeper.credentials.get_or_fetch(app, call.kind))
    query = call.query(app.account, app.secret, code)
    try:
        return await _ask(keeper, app, call, query, token.value)
    except Refusal as refusal:
        if app.platform.fault(refusal.code).severity is not Severity.DEAD_TOKEN:
            raise
        await keeper.store.mark_suspect(app.key(call.kind), token.version)
        renewed = current_of(await keeper.credentials.fetch_once(app, call.kind, token))
        if renewed.value == token.value:
            raise
    return await _ask(keeper, app, call, query, renewed.value)


async def _ask(keeper: Keeper, app: App, call: ExchangeCall, query: Request, token: str) -> dict[str, Any]:
    headers = None if call.headers is None else call.headers(token)
    carried = {} if headers is not None else {call.parameter: token}
    fields, beside = (query, carried) if call.in_query else ({**carried, **query}, None)
    answer = await call_platform(
        keeper, app, call.method, call.path, fields, beside, headers=headers, at=call.at
    )
    return _pick_fields(call, answer)
