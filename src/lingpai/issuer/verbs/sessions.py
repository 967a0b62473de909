"""Login sessions of browsers: rows on our side, a sealed handle in the cookie, and tokens for forms."""

import hmac
from typing import Final

import msgspec

from lingpai.core.authorization_records import Logout, Session
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.user_records import User
from lingpai.issuer.context import Issuer

HELD: Final = 10
"""Seconds for which who ended a session notifies its clients alone."""
_SID_BYTES = 7


class OpenSession(msgspec.Struct, frozen=True):
    """A session, its user, and the handle for its cookie."""

    session: Session
    user: User
    handle: str

    def __repr__(self) -> str:
        """Never shows the handle."""
        return f"OpenSession({self.session.id})"


def login_failed() -> LingpaiError:
    """Return the error for every failed login, whatever the reason."""
    return LingpaiError(Kind.LOGIN_FAILED, "The login name or the password is wrong.")


async def start_session(
    issuer: Issuer, user: User, replaces: Session | None = None, verified: str | None = None
) -> OpenSession:
    """A new session, with an id and a salt of its own; one that it replaces ends (threat B20).

    Args:
        issuer: whose.
        user: who logged in.
        replaces: the session that they came with.
        verified: the hash of the password that they gave, which may have been replaced since.

    Raises:
        LingpaiError: LOGIN_FAILED: the password was replaced meanwhile, or the user disabled.
    """
    now = issuer.now()
    session = await issuer.store.add_session(
        Session(
            realm=issuer.realm,
            user=user.id,
            salt=issuer.new_salt(),
            created_at=now,
            ends_at=now + issuer.policy.session,
            sid=_sid_after(issuer, user, replaces),
        ),
        replaces,
        verified,
    )
    if session is None:
        raise login_failed()
    return OpenSession(session, user, _handle(issuer, session))


async def read_session(issuer: Issuer, handle: str) -> OpenSession | None:
    """The session of a cookie, or None when there is none, it is over, or its user was disabled."""
    opened = issuer.unseal(handle, HandleKind.SESSION)
    found = await issuer.store.read_session(opened.id) if opened else None
    if opened is None or found is None:
        return None
    session, user = found
    if session.salt != opened.salt or session.ends_at <= issuer.now():
        return None
    return None if user is None or user.disabled else OpenSession(session, user, handle)


def require_login(opened: OpenSession | None) -> OpenSession:
    """The session of the user who is logged in.

    Raises:
        LingpaiError: LOGIN_REQUIRED.
    """
    if opened is None:
        raise LingpaiError(Kind.LOGIN_REQUIRED, "Log in first.")
    return opened


async def end_session(issuer: Issuer, session: Session) -> tuple[Logout, ...]:
    """Log out; returns what the clients of the session have to be notified, which the caller does (`verbs.logouts`)."""
    return (await issuer.store.end_session(session, issuer.now(), HELD)).logouts


async def end_sessions(issuer: Issuer, user: User) -> tuple[Logout, ...]:
    """Log a user out in every browser; see `end_session`."""
    return (await issuer.store.end_sessions(user.id, issuer.now(), HELD)).logouts


def form_token(issuer: Issuer, browser: str) -> str:
    """Return the token of a form, which proves that the form is ours and this browser's (threat B17).

    Args:
        issuer: the realm.
        browser: the value of the browser's cookie: a session's handle, or a visitor's.
    """
    return issuer.digest_other("form " + browser).hex()


def is_form_of(issuer: Issuer, browser: str, token: str) -> bool:
    """True when a form's token is this browser's."""
    return hmac.compare_digest(form_token(issuer, browser).encode(), token.encode("utf-8", "surrogatepass"))


def check_form(issuer: Issuer, browser: str, token: str) -> None:
    """Refuse a form that is not of this browser.

    Raises:
        LingpaiError: FORGED_FORM.
    """
    if not is_form_of(issuer, browser, token):
        raise LingpaiError(Kind.FORGED_FORM, "This form belongs to another session; reload the page.")


def _sid_after(issuer: Issuer, user: User, replaces: Session | None) -> int:
    if replaces is not None and replaces.user == user.id and replaces.sid:
        return replaces.sid
    return int.from_bytes(issuer.random_bytes(_SID_BYTES)) | 1


def _handle(issuer: Issuer, session: Session) -> str:
    return issuer.seal(HandleKind.SESSION, session.id, 0, session.created_at, session.salt)
