"""One fetch of one value from the upstream, and what its answer means.

Who may fetch is decided in `credentials.py`.
"""

import dataclasses
from typing import Any

from lingpai.core.clock import End
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Generation
from lingpai.keeper.budgets import take_all, window_of
from lingpai.keeper.keeper import App, Keeper
from lingpai.keeper.platforms.platform import (
    ACCESS_TOKEN,
    UNTIL_MIDNIGHT,
    Fault,
    Limit,
    Period,
    Request,
    Severity,
    TokenCall,
)
from lingpai.keeper.upstream import Refusal, Unreachable
from lingpai.store.port import Fetched

MAX_LIFETIME = 90 * 86_400
MAX_VALUE = 4096

_TRANSIENT = Fault(Severity.TRANSIENT)


class FetchFailed(Exception):
    """The fetch brought nothing.

    Attributes:
        fault: what it means for us.
        code: the upstream's number, or None when it could not be asked.
        message: the upstream's text, or ours.
    """

    def __init__(self, fault: Fault, code: int | None, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.code = code
        self.message = message


@dataclasses.dataclass(frozen=True, slots=True)
class _Answer:
    value: Any
    lifetime: Any


async def fetch_token(keeper: Keeper, app: App, dead: Generation | None = None) -> Fetched:
    """Fetch an access token.

    Args:
        keeper: the keeper.
        app: for whom.
        dead: a generation that the upstream was found not to take any more. When the upstream answers the
            same value again, a new one is
            demanded, where the platform has such a call and its budget allows.

    Raises:
        FetchFailed: nothing usable came.
        LingpaiError: NO_SECRET for an app that is known by its token only.
    """
    if not app.secret:
        raise LingpaiError(Kind.NO_SECRET, "This app is not configured, so its token cannot be renewed here.")
    call = app.platform.mode(app.mode)
    fetched = await _fetch_token(keeper, app, call, call.request(app.account, app.secret), call.limits)
    if dead is not None and fetched.value == dead.value and call.forced is not None:
        spent = await take_all(keeper, app.subject, call.forced_limits)
        if spent is None:
            return await _fetch_token(keeper, app, call, call.forced(app.account, app.secret), call.limits)
    return fetched


async def fetch_ticket(keeper: Keeper, app: App, kind: str, token: str) -> Fetched:
    """Fetch a ticket with a live access token.

    Raises:
        FetchFailed: nothing usable came; with Severity.DEAD_TOKEN when `token` is not taken any more.
    """
    call = app.platform.tickets[kind]
    await _spend(keeper, app, call.limits)
    sent = _Moment(keeper)
    try:
        answer = await keeper.upstream.call(
            "GET", app.platform.base_url + call.path, query={"access_token": token, **call.query}
        )
    except Refusal as refusal:
        raise FetchFailed(app.platform.fault(refusal.code), refusal.code, refusal.message) from refusal
    except Unreachable as unreachable:
        raise FetchFailed(_TRANSIENT, None, str(unreachable)) from unreachable
    return sent.fetched(_Answer(answer.get("ticket"), answer.get("expires_in")))


async def is_dead(keeper: Keeper, app: App, token: str) -> bool | None:
    """Ask the upstream whether it still takes `token`: True when it does not, None when it cannot be told."""
    probe = app.platform.probe
    try:
        await keeper.upstream.call(
            "GET" if probe.body is None else "POST",
            app.platform.base_url + probe.path,
            query={"access_token": token},
            body=probe.body,
        )
    except Unreachable:
        return None
    except Refusal as refusal:
        severity = app.platform.fault(refusal.code).severity
        if severity is Severity.DEAD_TOKEN:
            return True
        return None if severity is Severity.TRANSIENT else False
    return False


async def _fetch_token(
    keeper: Keeper, app: App, call: TokenCall, request: Request, limits: tuple[Limit, ...]
) -> Fetched:
    await _spend(keeper, app, limits)
    sent = _Moment(keeper)
    url = app.platform.base_url + call.path
    try:
        if call.method == "GET":
            answer = await keeper.upstream.call("GET", url, query=request)
        else:
            answer = await keeper.upstream.call("POST", url, body=request)
    except Refusal as refusal:
        fault = app.platform.fault(refusal.code)
        if fault.severity in (Severity.DEAD_TOKEN, Severity.CALLER):
            fault = Fault(
                Severity.PERMANENT
            )  # this call carries a secret, not a token: the secret is what is wrong
        raise FetchFailed(fault, refusal.code, refusal.message) from refusal
    except Unreachable as unreachable:
        raise FetchFailed(_TRANSIENT, None, str(unreachable)) from unreachable
    return sent.fetched(_Answer(answer.get(ACCESS_TOKEN), answer.get("expires_in")))


async def _spend(keeper: Keeper, app: App, limits: tuple[Limit, ...]) -> None:
    spent = await take_all(keeper, app.subject, limits)
    if spent is not None:
        now = keeper.clock.now()
        wait = UNTIL_MIDNIGHT if spent.period is Period.DAY else window_of(now, spent.period.value)[1] - now
        raise FetchFailed(
            Fault(Severity.PERMANENT, wait),
            None,
            f"Our budget of {spent.limit} {spent.name} calls a {spent.period.name.lower()} for this app is used up; "
            "`lingpai token list` shows who it went to.",
        )


class _Moment:
    """The moment before a request is sent, from which lifetimes count.

    Never later than the upstream's own count.
    """

    def __init__(self, keeper: Keeper) -> None:
        clock = keeper.clock
        self._wall, self._steady, self._epoch = clock.now(), clock.steady(), clock.epoch

    def fetched(self, answer: _Answer) -> Fetched:
        value, lifetime = answer.value, answer.lifetime
        if not isinstance(value, str) or not 0 < len(value) <= MAX_VALUE or not value.isascii():
            raise FetchFailed(_TRANSIENT, None, "a success without a usable value")
        if isinstance(lifetime, str) and lifetime.isdigit():
            lifetime = int(lifetime)
        if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not lifetime > 0:
            raise FetchFailed(_TRANSIENT, None, "a success without a usable expires_in")
        lifetime = float(min(lifetime, MAX_LIFETIME))
        end = End(self._wall + lifetime, self._steady + lifetime, self._epoch)
        return Fetched(value, end, lifetime, self._wall)
