"""Terminals: authorised by what they show or know, bound, unbound (docs/spec/yilianyun.md)."""

import hmac

from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import FOREVER, App, AppMode, Grant, GrantKind, GrantState, Terminal
from lingpai.issuer.context import Issuer
from lingpai.issuer.tokens import Tokens, daily_quota, make_tokens
from lingpai.issuer.verbs.apps import require_mode
from lingpai.issuer.verbs.requests import refusal_of
from lingpai.store.issuer_port import Outcome, SignedRequest


async def find_terminal(issuer: Issuer, machine_code: str) -> Terminal:
    """The terminal with this code.

    Raises:
        LingpaiError: INVALID_TERMINAL.
    """
    terminal = await issuer.store.find_terminal(issuer.realm, machine_code)
    if terminal is None:
        raise LingpaiError(Kind.INVALID_TERMINAL, "There is no such terminal.", parameter="machine_code")
    return terminal


async def check_secret_of(issuer: Issuer, machine_code: str, msign: str) -> Terminal:
    """The terminal whose secret this is; an unknown terminal looks the same as a wrong secret.

    Raises:
        LingpaiError: WRONG_TERMINAL_SECRET.
    """
    return _proven(issuer, await issuer.store.find_terminal(issuer.realm, machine_code), msign)


async def _guess_secret(issuer: Issuer, app: App, machine_code: str, msign: str) -> Terminal:
    """As `check_secret_of`, for an app, whose failures count: a terminal's secret is short.

    Raises:
        LingpaiError: WRONG_TERMINAL_SECRET, or TOO_MANY_REQUESTS after too many failures of that app.
    """
    terminal = await issuer.store.find_terminal(issuer.realm, machine_code)
    failed = await issuer.terminal_throttle.admit(machine_code, app.app_id)
    try:
        proven = _proven(issuer, terminal, msign)
    except LingpaiError:
        await issuer.terminal_throttle.fail(machine_code, app.app_id)
        raise
    await issuer.terminal_throttle.succeed(machine_code, app.app_id, failed=failed)
    return proven


def _proven(issuer: Issuer, terminal: Terminal | None, msign: str) -> Terminal:
    digest = issuer.digest_terminal("msign " + msign)
    known = terminal.secret_digest if terminal else b""
    if not hmac.compare_digest(digest, known) or terminal is None:
        raise LingpaiError(
            Kind.WRONG_TERMINAL_SECRET, "The terminal or its secret is wrong.", parameter="msign"
        )
    return terminal


async def authorize_by_secret(
    issuer: Issuer,
    app: App,
    machine_code: str,
    msign: str,
    scope: str | None,
    *,
    request: SignedRequest | None = None,
) -> Tokens:
    """Tokens for a terminal, for who knows its secret. For `request`, see `verbs.requests.once`.

    Raises:
        LingpaiError: WRONG_APP_MODE, WRONG_TERMINAL_SECRET, TOO_MANY_REQUESTS, NO_PERMISSION, LIMIT_REACHED,
            REPLAYED_REQUEST.
    """
    require_mode(app, AppMode.OPEN)
    terminal = await _guess_secret(issuer, app, machine_code, msign)
    await _require_owner(issuer, terminal)
    return await _place(issuer, app, terminal, scope, None, request=request)


async def authorize_by_key(
    issuer: Issuer,
    app: App,
    machine_code: str,
    qr_key: str,
    scope: str | None,
    *,
    request: SignedRequest | None = None,
) -> Tokens:
    """Tokens for a terminal, for who has seen the key that it shows; of all who try with one key, one gets them.

    For `request`, see `verbs.requests.once`.

    Raises:
        LingpaiError: WRONG_APP_MODE, WRONG_TERMINAL_KEY (also when it has run out or was used), NO_PERMISSION,
            LIMIT_REACHED, REPLAYED_REQUEST; a key is not spent on a refusal.
    """
    require_mode(app, AppMode.OPEN)
    terminal = await issuer.store.find_terminal(issuer.realm, machine_code)
    digest = issuer.digest_terminal("qr_key " + qr_key)
    if (
        terminal is None
        or not hmac.compare_digest(digest, terminal.key_digest)
        or terminal.key_ends_at <= issuer.now()
    ):
        raise _wrong_key()
    await _require_owner(issuer, terminal)
    return await _place(issuer, app, terminal, scope, digest, request=request)


async def show_key(issuer: Issuer, terminal: Terminal) -> str:
    """A fresh key for the terminal to show, good for `Policy.qr_key` seconds and once.

    Raises:
        LingpaiError: INVALID_TERMINAL when the terminal is gone.
    """
    qr_key = issuer.random_bytes(16).hex()
    ends_at = issuer.now() + issuer.policy.qr_key
    store = issuer.recording(Change("machine.qr", terminal.machine_code))
    if not await store.set_key(terminal.id, issuer.digest_terminal("qr_key " + qr_key), ends_at):
        raise LingpaiError(Kind.INVALID_TERMINAL, "There is no such terminal.")
    return qr_key


async def bind_terminal(issuer: Issuer, app: App, machine_code: str, msign: str) -> Terminal:
    """Bind a terminal to a self-owned app.

    Raises:
        LingpaiError: WRONG_APP_MODE, WRONG_TERMINAL_SECRET, TOO_MANY_REQUESTS, TERMINAL_TAKEN.
    """
    require_mode(app, AppMode.SELF_OWNED)
    terminal = await _guess_secret(issuer, app, machine_code, msign)
    if not await issuer.store.bind_terminal(terminal.id, app.id):
        raise LingpaiError(Kind.TERMINAL_TAKEN, "The terminal is bound to another user or app.")
    return terminal


async def unbind_terminal(issuer: Issuer, app: App, machine_code: str) -> Terminal:
    """Take a terminal from an app: unbinds it from a self-owned one, ends its grant to an open one.

    Raises:
        LingpaiError: INVALID_TERMINAL when the app does not have it.
    """
    terminal = await find_terminal(issuer, machine_code)
    unbound = await issuer.store.unbind_terminal(terminal.id, app.id)
    ended = await issuer.store.end_slot(app.id, terminal.id, issuer.now(), "terminal removed")
    if not unbound and not ended:
        raise LingpaiError(
            Kind.INVALID_TERMINAL, "The terminal is not one of this app.", parameter="machine_code"
        )
    return terminal


async def _require_owner(issuer: Issuer, terminal: Terminal) -> None:
    """Refuse tokens that would be dead at once: a terminal's are its owner's grant, and nobody's without one."""
    owner = None if terminal.owner is None else await issuer.store.find_user(terminal.owner)
    if terminal.owner is not None and (owner is None or owner.disabled):
        raise LingpaiError(Kind.NO_PERMISSION, "The terminal's owner is disabled.")


async def _place(
    issuer: Issuer,
    app: App,
    terminal: Terminal,
    scope: str | None,
    key_digest: bytes | None,
    *,
    request: SignedRequest | None,
) -> Tokens:
    now, policy = issuer.now(), issuer.policy
    limit_at = now + policy.family if policy.family else FOREVER
    grant = Grant(
        realm=issuer.realm,
        kind=GrantKind.USER,
        app=app.id,
        user=terminal.owner,
        terminal=terminal.id,
        scope=scope,
        audience=app.audience,
        state=GrantState.LIVE,
        generation=1,
        rotated_at=now,
        created_at=now,
        ends_at=min(now + issuer.lives[GrantKind.USER].grant, limit_at),
        limit_at=limit_at,
        salt=issuer.new_salt(),
    )
    result = await issuer.store.take_slot(
        grant,
        seen=None,
        keep=policy.keep.user,
        quota=daily_quota(issuer, app.id, terminal.id),
        key_digest=key_digest,
        request=request,
    )
    if result.grant is None:
        raise refusal_of(result.outcome) or _wrong_key()
    repeated = result.outcome is Outcome.REPEATED
    return make_tokens(issuer, result.grant, machine_code=terminal.machine_code, repeated=repeated)


def _wrong_key() -> LingpaiError:
    return LingpaiError(
        Kind.WRONG_TERMINAL_KEY, "The terminal or the key on its screen is wrong.", parameter="qr_key"
    )
