"""One fetch of one value from the upstream, and what its answer means.

Who may fetch is decided in `credentials.py`.
"""

import dataclasses
from collections.abc import Callable, Iterable

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, Generation
from lingpai.keeper.app import App
from lingpai.keeper.budgets import first_in, take_all, window_of
from lingpai.keeper.context import Context
from lingpai.keeper.failures import PERMANENT, TRANSIENT, FetchFailed
from lingpai.keeper.generations import current_of, is_live
from lingpai.keeper.platform_client import SentAt, call_platform, call_probe
from lingpai.keeper.platforms.forms import member
from lingpai.keeper.platforms.platform import (
    ACCESS_TOKEN,
    UNTIL_MIDNIGHT,
    Fault,
    Limit,
    Period,
    RefreshCall,
    Renewed,
    Request,
    Severity,
    TokenCall,
    refresh_kind_of,
)
from lingpai.keeper.refresh_tokens import read_refresh_token, save_refresh_token
from lingpai.keeper.upstream import Refusal, Unreachable
from lingpai.store.port import Fetched


async def fetch_token(
    context: Context, app: App, kind: str = ACCESS_TOKEN, dead: Generation | None = None
) -> Fetched:
    """Fetch an access token: the app's own, or a terminal's.

    Args:
        context: the keeper's.
        app: for whom.
        kind: "access_token", or that of a terminal.
        dead: a generation that the upstream was found not to take any more. When the upstream answers the
            same value again, a new one is demanded, where the platform has such a call and its budget allows.

    Raises:
        FetchFailed: nothing usable came.
        LingpaiError: NO_SECRET for an app that is known by its token only.
    """
    if not app.secret:
        raise LingpaiError(Kind.NO_SECRET, "This app is not configured, so its token cannot be renewed here.")
    refresh = app.platform.refresh(kind, app.mode)
    refresh_token = await read_refresh_token(context, app, kind) if refresh is not None else None
    if refresh is not None and refresh_token is not None:
        try:
            return await _refresh_token(context, app, kind, refresh, refresh_token)
        except FetchFailed as failure:
            if kind != ACCESS_TOKEN or failure.code not in refresh.spent:
                raise
    elif refresh is not None and kind != ACCESS_TOKEN:
        message = "The refresh token has expired; authorise the terminal again."
        raise FetchFailed(PERMANENT, refresh.over, message)
    call = app.platform.call_of(kind, app.mode)
    fetched = await _fetch_token(context, app, call, call.request)
    if dead is not None and fetched.value == dead.value and call.forced is not None:
        spent = await take_all(context, app.subject, call.forced_limits)
        if spent is None:
            return await _fetch_token(context, app, call, call.forced)
    return fetched


async def fetch_first(context: Context, app: App) -> Fetched:
    """Fetch a token with a secret that is not proven: counted as such, and not against the app.

    Raises:
        FetchFailed: nothing usable came.
    """
    call = app.platform.mode(app.mode)
    return await _ask_token(context, app, call, call.request)


async def fetch_ticket(context: Context, app: App, kind: str, token: str) -> Fetched:
    """Fetch a ticket with a live access token.

    Raises:
        FetchFailed: nothing usable came; with Severity.DEAD_TOKEN when `token` is not taken any more.
    """
    call = app.platform.tickets[kind]
    await _spend(context, app, call.limits)
    await _keep_apart(context, app, kind, call)
    sent_at = SentAt(context)
    fields = {**call.request(app.account, token), **call.query}
    headers = None if call.headers is None else call.headers(token)
    query = None if call.carried is None else call.carried(token)
    try:
        answer = await call_platform(
            context, app, call.method, call.path, fields, query, headers=headers, at=call.at
        )
        return sent_at.fetched_by(call, answer)
    except Refusal as refusal:
        raise FetchFailed(app.platform.fault(refusal.code), refusal.code, refusal.message) from refusal
    except Unreachable as unreachable:
        raise FetchFailed(TRANSIENT, None, str(unreachable)) from unreachable


async def is_dead(context: Context, app: App, value: str, kind: str = ACCESS_TOKEN) -> bool | None:
    """Return whether the upstream no longer accepts `value`; None when that is not known."""
    ticket = app.platform.tickets.get(kind)
    probe = app.platform.probe if ticket is None else ticket.probe
    if probe is None:
        return None
    try:
        await call_probe(context, app, probe, value)
    except Unreachable:
        return None
    except Refusal as refusal:
        severity = app.platform.fault(refusal.code).severity
        if severity is Severity.DEAD_TOKEN:
            return True
        return None if severity is Severity.TRANSIENT else False
    return False


MakeRequest = Callable[[str, str], Request]
"""Makes what is sent from account and secret."""


async def _fetch_token(context: Context, app: App, call: TokenCall, request: MakeRequest) -> Fetched:
    await _spend(context, app, call.limits)
    # A new token is demanded right after the same one came again, so such calls are kept apart from each other alone.
    await _keep_apart(context, app, f"{call.path} forced" if request is call.forced else call.path, call)
    return await _ask_token(context, app, call, request)


async def _ask_token(context: Context, app: App, call: TokenCall, request: MakeRequest) -> Fetched:
    sent_at = SentAt(context)
    try:
        fields = await _fields_of(context, app, call, request)
        answer = await call_platform(context, app, call.method, call.path, fields, at=call.at)
        if call.refresh is not None and (value := answer.get(call.refresh.field)):
            held = await context.store.read_credential(app.key(refresh_kind_of(ACCESS_TOKEN)))
            seen = held.version if held is not None else 0
            refresh_token = sent_at.fetched(value, call.refresh.life)
            await save_refresh_token(context, app, ACCESS_TOKEN, refresh_token, seen=seen)
        return sent_at.fetched_by(call, answer)
    except Refusal as refusal:
        raise _refused(app, refusal) from refusal
    except Unreachable as unreachable:
        raise FetchFailed(TRANSIENT, None, str(unreachable)) from unreachable


async def _fields_of(context: Context, app: App, call: TokenCall, request: MakeRequest) -> Request:
    """Return what the token's call sends, after the calls that come before it.

    Raises:
        Refusal: the platform refused one of those.
        Unreachable: one of them had no usable answer.
    """
    if call.after is None:
        return request(app.account, app.secret)
    taken: dict[str, str] = {}
    if call.pushed:
        taken[call.pushed] = await _pushed(context, app, call.pushed)
    for step in call.steps:
        sent = step.request(app.account, app.secret, taken)
        answer = await call_platform(context, app, step.method, step.path, sent, at=step.at)
        for name, path in step.take.items():
            value = member(answer, path)
            if not isinstance(value, str | int) or isinstance(value, bool):
                raise Unreachable(f"a success without a usable {path}")
            taken[name] = str(value)
    return call.after(app.account, app.secret, taken)


async def _pushed(context: Context, app: App, kind: str) -> str:
    """Return the live value of a kind that the platform pushes.

    Raises:
        FetchFailed: there is none.
    """
    held = await context.store.read_credential(app.key(kind))
    if held is None or not is_live(context, held.current):
        raise FetchFailed(TRANSIENT, None, f"the platform has pushed no {kind} that is still good")
    return current_of(held).value


async def _keep_apart(context: Context, app: App, name: str, way: Renewed) -> None:
    """Refuse a fetch that comes too soon after the one before.

    Raises:
        FetchFailed: it does.
    """
    if way.apart and not await first_in(context, app.subject, f"apart {name}", way.apart):
        raise FetchFailed(
            Fault(Severity.TRANSIENT, way.apart), None, f"less than {way.apart:g} s after the call before"
        )


async def _refresh_token(
    context: Context, app: App, kind: str, call: RefreshCall, refresh_token: Credential
) -> Fetched:
    if refresh_token.current is None:
        raise AssertionError("read_refresh_token returns a credential with a value")
    await _spend(context, app, (_limit_of(limit, kind) for limit in call.limits))
    sent_at = SentAt(context)
    try:
        answer = await call_platform(
            context, app, "POST", call.path, call.request(refresh_token.current.value)
        )
        fetched = sent_at.fetched_by(call, answer)
        following = sent_at.fetched(answer.get(call.field), call.life)
        await save_refresh_token(context, app, kind, following, seen=refresh_token.version)
    except Refusal as refusal:
        raise _refused(app, refusal) from refusal
    except Unreachable as unreachable:
        raise FetchFailed(TRANSIENT, None, str(unreachable)) from unreachable
    return fetched


def _limit_of(limit: Limit, kind: str) -> Limit:
    """Return the budget of this kind: the platform counts each terminal apart, and an app's own token as well."""
    return limit if kind == ACCESS_TOKEN else dataclasses.replace(limit, name=f"{limit.name} {kind}")


def _refused(app: App, refusal: Refusal) -> FetchFailed:
    fault = app.platform.fault(refusal.code)
    if fault.severity in (Severity.DEAD_TOKEN, Severity.CALLER):
        # This call carries a secret, not a token: the secret is what is wrong.
        fault = PERMANENT
    return FetchFailed(fault, refusal.code, refusal.message)


async def _spend(context: Context, app: App, limits: Iterable[Limit]) -> None:
    spent = await take_all(context, app.subject, tuple(limits))
    if spent is not None:
        now = context.clock.now()
        wait = UNTIL_MIDNIGHT if spent.period is Period.DAY else window_of(now, spent.period.value)[1] - now
        raise FetchFailed(
            Fault(Severity.PERMANENT, wait),
            None,
            f"The budget of {spent.limit} {spent.name} calls per {spent.period.name.lower()} for "
            "this app is used up; `lingpai token list` shows the use.",
        )
