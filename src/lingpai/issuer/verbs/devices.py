"""Devices without a browser: the user types a short code elsewhere, and the device polls (RFC 8628).

A device waits in a row. How its user answered is kept as for an authorization request, under a digest of its handle:
nothing yet, a refusal, or a grant whose code is out. The poll redeems that code, so of all polls one gets tokens. The
code is bound to the device's handle by PKCE, so it is good for who polls and for nobody else.
"""

import hashlib
import re
from typing import Final

import msgspec

from lingpai.core import base64url
from lingpai.core.authorization_records import Device, Session
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, GrantState
from lingpai.core.networks import network_of
from lingpai.core.user_records import User
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import Throttling
from lingpai.issuer.sign_ins import SignIn, encode_sign_in
from lingpai.issuer.throttle import too_many
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import limited, new_grant
from lingpai.store.issuer_port import Login, RequestKey

ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of user codes: no vowels, so no words, and nothing that looks like something else (RFC 8628 §6.1)."""
LENGTH: Final = 8
LIMITS: Final = Throttling(pair=5, address=20)
"""Wrong codes that a session and a network may try: one in 25.6 billion is right."""
_ATTEMPTS: Final = 8
_DIGEST_BYTES: Final = 16
_PUNCTUATION = re.compile(r"[\s\-_.]")


class DeviceParams(msgspec.Struct, frozen=True, omit_defaults=True):
    """The request of an app on a device."""

    scope: str | None = None
    audience: str | None = None
    offline: bool = True
    """True when access outlives the login of the user who allows it."""


class Waiting(msgspec.Struct, frozen=True):
    """A device that begins to wait: its own handle, and the code for its user."""

    device_code: str
    user_code: str

    def __repr__(self) -> str:
        """Shows neither."""
        return "Waiting()"


async def begin_device(issuer: Issuer, app: App, params: DeviceParams) -> Waiting:
    """Let a device wait for its user.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    now = issuer.now()
    for _ in range(_ATTEMPTS):
        letters = _new_code(issuer)
        device = await issuer.store.add_device(
            Device(
                user_code=_digest(issuer, letters),
                app=app.id,
                salt=issuer.new_salt(),
                params=msgspec.json.encode(params).decode(),
                created_at=now,
                ends_at=now + issuer.policy.device,
            )
        )
        if device is not None:
            return Waiting(_handle(issuer, device), shown_code(letters))
    raise LingpaiError(Kind.BUSY, "No user code is free; try again.")


async def find_device(
    issuer: Issuer, text: str, session: Session, address: str
) -> tuple[Device, App, DeviceParams] | None:
    """Return the device that waits for this code, its app, and what that asks for; None when none does.

    Args:
        issuer: the realm.
        text: as the user typed it.
        session: theirs; it may fail a few times, and so may the network that it comes from.
        address: the caller's.

    Raises:
        LingpaiError: TOO_MANY_REQUESTS, with `retry_after` in seconds.
    """
    now = issuer.now()
    own = issuer.digest_of("device code", "session", str(session.id), str(session.salt))
    shared = issuer.digest_of("device code", "network", network_of(address))
    subjects = ((own, LIMITS.pair), (shared, LIMITS.address))
    until = await issuer.store.take_attempts(subjects, now, now + LIMITS.seconds)
    if until is not None:
        raise too_many(until - now)
    letters = read_code(text)
    device = await issuer.store.find_device(_digest(issuer, letters)) if letters else None
    if device is None or device.ends_at <= now:
        return None
    app = await issuer.store.read_app(device.app)
    answered = await issuer.store.read_answer(_answer_key(issuer, device).digest)
    if app is None or app.realm != issuer.realm or not app.usable or answered is not None:
        return None
    await issuer.store.return_attempts([own, shared])
    return device, app, msgspec.json.decode(device.params, type=DeviceParams)


async def allow_device(
    issuer: Issuer, device: Device, app: App, user: User, session: Session, params: DeviceParams
) -> bool:
    """Let the device have what its user allowed. False when somebody else answered before.

    Raises:
        LingpaiError: LOGIN_REQUIRED when the session has ended meanwhile; STORE_UNAVAILABLE.
    """
    challenge = base64url.encode(hashlib.sha256(_handle(issuer, device).encode()).digest())
    sign_in = SignIn(auth_time=session.created_at)
    grant = await new_grant(
        issuer,
        app,
        user,
        None,
        Asked(
            scope=params.scope,
            audience=params.audience,
            challenge=challenge,
            challenge_method="S256",
            nonce=encode_sign_in(sign_in),
        ),
    )
    login = None if params.offline else Login(session, online=True, notified=False)
    grant = msgspec.structs.replace(grant, ends_at=device.ends_at)
    grant = grant if login is None else limited(grant, login)
    answer = await issuer.store.answer_request(_answer_key(issuer, device), grant, login)
    view = None if answer.grant is None else await issuer.store.read_grant(answer.grant)
    return view is not None and view.grant.salt == grant.salt


async def refuse_device(issuer: Issuer, device: Device) -> None:
    """Keep in mind that the user refused."""
    await issuer.store.refuse_request(_answer_key(issuer, device))


async def poll_device(issuer: Issuer, device: Device) -> str | None:
    """Return the code that a device redeems with its own handle as verifier; None while its user has yet to answer.

    Raises:
        LingpaiError: INVALID_CODE when the handle was used up, EXPIRED_DEVICE_CODE when it has ended, ACCESS_DENIED
            when the user refused.
    """
    answer = await issuer.store.read_answer(_answer_key(issuer, device).digest)
    if answer is None:
        if device.ends_at <= issuer.now():
            raise LingpaiError(
                Kind.EXPIRED_DEVICE_CODE, "The device code has expired.", parameter="device_code"
            )
        return None
    if answer.grant is None:
        raise LingpaiError(Kind.ACCESS_DENIED, "The user refused.")
    view = await issuer.store.read_grant(answer.grant)
    if view is None or view.grant.state is not GrantState.ISSUED:  # it is no replay: a device may ask twice
        raise _invalid()
    if view.grant.ends_at <= issuer.now():
        raise LingpaiError(Kind.EXPIRED_DEVICE_CODE, "The device code has expired.", parameter="device_code")
    grant = view.grant
    return issuer.seal(HandleKind.CODE, grant.id, 0, grant.created_at, grant.salt)


async def read_waiting(issuer: Issuer, app: App, device_code: str) -> Device:
    """Return the device of a handle of this app.

    Raises:
        LingpaiError: INVALID_CODE.
    """
    opened = issuer.unseal(device_code, HandleKind.DEVICE)
    device = await issuer.store.read_device(opened.id) if opened else None
    if opened is None or device is None or device.salt != opened.salt or device.app != app.id:
        raise _invalid()
    return device


def read_code(text: str) -> str:
    """Return the letters of a user code in whatever case and with whatever punctuation; "" when it cannot be one."""
    letters = _PUNCTUATION.sub("", text).upper()
    return letters if len(letters) == LENGTH and set(letters) <= set(ALPHABET) else ""


def shown_code(letters: str) -> str:
    """Return a user code as people read it."""
    return f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"


def _new_code(issuer: Issuer) -> str:
    """Random letters; a byte beyond the last whole alphabet is drawn again, so that all are as likely."""
    letters, whole = "", 256 - 256 % len(ALPHABET)
    while len(letters) < LENGTH:
        fair = [byte for byte in issuer.random_bytes(2 * LENGTH) if byte < whole]
        letters += "".join(ALPHABET[byte % len(ALPHABET)] for byte in fair)
    return letters[:LENGTH]


def _digest(issuer: Issuer, letters: str) -> bytes:
    return issuer.digest_of("user code", letters)


def _handle(issuer: Issuer, device: Device) -> str:
    return issuer.seal(HandleKind.DEVICE, device.id, 0, device.created_at, device.salt)


def _answer_key(issuer: Issuer, device: Device) -> RequestKey:
    digest = issuer.digest_of("device", str(device.id), str(device.salt))[:_DIGEST_BYTES]
    return RequestKey(digest, device.ends_at)


def _invalid() -> LingpaiError:
    return LingpaiError(
        Kind.INVALID_CODE, "The device code is not valid for this app.", parameter="device_code"
    )
