"""Terminals: authorised by what they show or know, bound, unbound (docs/spec/yilianyun.md)."""

import hmac

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import FOREVER, App, AppMode, Grant, GrantKind, GrantState, Machine
from lingpai.issuer.context import Issuer
from lingpai.issuer.tokens import Tokens, daily_quota, make_tokens
from lingpai.issuer.verbs.apps import require_mode
from lingpai.issuer.verbs.requests import refusal_of
from lingpai.store.issuer_port import Outcome, SignedRequest


async def find_machine(issuer: Issuer, machine_code: str) -> Machine:
    """The terminal with this code.

    Raises:
        LingpaiError: BAD_MACHINE.
    """
    machine = await issuer.store.find_machine(issuer.realm, machine_code)
    if machine is None:
        raise LingpaiError(Kind.BAD_MACHINE, "There is no such terminal.", parameter="machine_code")
    return machine


async def check_msign(issuer: Issuer, machine_code: str, msign: str) -> Machine:
    """The terminal whose secret this is; an unknown terminal looks the same as a wrong secret.

    Raises:
        LingpaiError: WRONG_MSIGN.
    """
    return _proven(issuer, await issuer.store.find_machine(issuer.realm, machine_code), msign)


async def _guess_msign(issuer: Issuer, app: App, machine_code: str, msign: str) -> Machine:
    """As `check_msign`, for an app, whose failures count: a terminal's secret is short.

    Raises:
        LingpaiError: WRONG_MSIGN, or TOO_MANY_REQUESTS after too many failures of that app.
    """
    machine = await issuer.store.find_machine(issuer.realm, machine_code)
    failed = await issuer.terminal_throttle.admit(machine_code, app.app_id)
    try:
        proven = _proven(issuer, machine, msign)
    except LingpaiError:
        await issuer.terminal_throttle.fail(machine_code, app.app_id)
        raise
    await issuer.terminal_throttle.succeed(machine_code, app.app_id, failed=failed)
    return proven


def _proven(issuer: Issuer, machine: Machine | None, msign: str) -> Machine:
    digest = issuer.digest_machine("msign " + msign)
    known = machine.msign_digest if machine else b""
    if not hmac.compare_digest(digest, known) or machine is None:
        raise LingpaiError(Kind.WRONG_MSIGN, "The terminal or its secret is wrong.", parameter="msign")
    return machine


async def authorize_by_msign(
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
        LingpaiError: WRONG_APP_MODE, WRONG_MSIGN, TOO_MANY_REQUESTS, NO_PERMISSION, LIMIT_REACHED, REPLAYED_REQUEST.
    """
    require_mode(app, AppMode.OPEN)
    machine = await _guess_msign(issuer, app, machine_code, msign)
    await _require_owner(issuer, machine)
    return await _place(issuer, app, machine, scope, None, request=request)


async def authorize_by_qr_key(
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
        LingpaiError: WRONG_APP_MODE, WRONG_QR_KEY (also when it has run out or was used), NO_PERMISSION,
            LIMIT_REACHED, REPLAYED_REQUEST; a key is not spent on a refusal.
    """
    require_mode(app, AppMode.OPEN)
    machine = await issuer.store.find_machine(issuer.realm, machine_code)
    digest = issuer.digest_machine("qr_key " + qr_key)
    if (
        machine is None
        or not hmac.compare_digest(digest, machine.qr_digest)
        or machine.qr_ends_at <= issuer.now()
    ):
        raise _wrong_qr_key()
    await _require_owner(issuer, machine)
    return await _place(issuer, app, machine, scope, digest, request=request)


async def show_qr_key(issuer: Issuer, machine: Machine) -> str:
    """A fresh key for the terminal to show, good for `Policy.qr_key` seconds and once.

    Raises:
        LingpaiError: BAD_MACHINE when the terminal is gone.
    """
    qr_key = issuer.random_bytes(16).hex()
    ends_at = issuer.now() + issuer.policy.qr_key
    if not await issuer.store.set_qr_key(machine.id, issuer.digest_machine("qr_key " + qr_key), ends_at):
        raise LingpaiError(Kind.BAD_MACHINE, "There is no such terminal.")
    return qr_key


async def bind_machine(issuer: Issuer, app: App, machine_code: str, msign: str) -> Machine:
    """Bind a terminal to a self-owned app.

    Raises:
        LingpaiError: WRONG_APP_MODE, WRONG_MSIGN, TOO_MANY_REQUESTS, MACHINE_TAKEN.
    """
    require_mode(app, AppMode.SELF_OWNED)
    machine = await _guess_msign(issuer, app, machine_code, msign)
    if not await issuer.store.bind_machine(machine.id, app.id):
        raise LingpaiError(Kind.MACHINE_TAKEN, "The terminal is bound to another user or app.")
    return machine


async def unbind_machine(issuer: Issuer, app: App, machine_code: str) -> Machine:
    """Take a terminal from an app: unbinds it from a self-owned one, ends its grant to an open one.

    Raises:
        LingpaiError: BAD_MACHINE when the app does not have it.
    """
    machine = await find_machine(issuer, machine_code)
    unbound = await issuer.store.unbind_machine(machine.id, app.id)
    ended = await issuer.store.end_place(app.id, machine.id, issuer.now(), "terminal removed")
    if not unbound and not ended:
        raise LingpaiError(Kind.BAD_MACHINE, "The terminal is not one of this app.", parameter="machine_code")
    return machine


async def _require_owner(issuer: Issuer, machine: Machine) -> None:
    """Refuse tokens that would be dead at once: a terminal's are its owner's grant, and nobody's without one."""
    owner = None if machine.owner is None else await issuer.store.find_user(machine.owner)
    if machine.owner is not None and (owner is None or owner.disabled):
        raise LingpaiError(Kind.NO_PERMISSION, "The terminal's owner is disabled.")


async def _place(
    issuer: Issuer,
    app: App,
    machine: Machine,
    scope: str | None,
    qr_digest: bytes | None,
    *,
    request: SignedRequest | None,
) -> Tokens:
    now, policy = issuer.now(), issuer.policy
    limit_at = now + policy.family if policy.family else FOREVER
    grant = Grant(
        realm=issuer.realm,
        kind=GrantKind.USER,
        app=app.id,
        user=machine.owner,
        machine=machine.id,
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
    placed = await issuer.store.place(
        grant,
        seen=None,
        keep=policy.keep.user,
        quota=daily_quota(issuer, app.id, machine.id),
        qr_digest=qr_digest,
        request=request,
    )
    if placed.grant is None:
        raise refusal_of(placed.outcome) or _wrong_qr_key()
    repeated = placed.outcome is Outcome.REPEATED
    return make_tokens(issuer, placed.grant, machine_code=machine.machine_code, repeated=repeated)


def _wrong_qr_key() -> LingpaiError:
    return LingpaiError(
        Kind.WRONG_QR_KEY, "The terminal or the key on its screen is wrong.", parameter="qr_key"
    )
