"""Login sessions of browsers: rows on our side, a sealed handle in the cookie, and tokens for forms."""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import Session, User
from lingpai.issuer.context import Issuer


class OpenSession(msgspec.Struct, frozen=True):
    """A session, its user when one has logged in, and the handle for its cookie."""

    session: Session
    user: User | None
    handle: str

    def __repr__(self) -> str:
        """Never shows the handle."""
        return f"OpenSession({self.session.id})"


def login_failed() -> LingpaiError:
    """What anybody is told who does not log in, whatever the reason."""
    return LingpaiError(Kind.LOGIN_FAILED, "The login name or the password is wrong.")


async def start_session(
    issuer: Issuer,
    user: User | None = None,
    replaces: Session | None = None,
    verified: str | None = None,
) -> OpenSession:
    """A new session.

    One that it replaces ends, and what waited for an answer there waits here (attacks B20). One without a
    user is there for whoever comes by without a cookie, so it lives only as long as its requests may.

    Args:
        issuer: whose.
        user: who logged in.
        replaces: the session that they came with.
        verified: the hash of the password that they gave, which may have been replaced since.

    Raises:
        LingpaiError: LOGIN_FAILED: the password was replaced meanwhile, or the user disabled.
    """
    now, policy = issuer.now(), issuer.policy
    session = await issuer.store.add_session(
        Session(
            realm=issuer.realm,
            user=user.id if user else None,
            salt=int.from_bytes(issuer.random_bytes(4), "big"),
            created_at=now,
            ends_at=now + (policy.session if user else 2 * policy.authorization),
        ),
        replaces.id if replaces else None,
        verified,
    )
    if session is None:
        raise login_failed()
    return OpenSession(session, user, _handle(issuer, session, HandleKind.SESSION))


def is_fading(issuer: Issuer, session: Session) -> bool:
    """Whether a session without a user may end before a request that begins in it now."""
    return session.user is None and session.ends_at < issuer.now() + issuer.policy.authorization


async def read_session(issuer: Issuer, handle: str) -> OpenSession | None:
    """The session of a cookie, or None when there is none, it is over, or its user was disabled."""
    opened = issuer.unseal(handle, HandleKind.SESSION)
    found = await issuer.store.read_session(opened.id) if opened else None
    if opened is None or found is None:
        return None
    session, user = found
    if session.salt != opened.generation or session.ends_at <= issuer.now():
        return None
    if session.user is not None and (user is None or user.disabled):
        return None
    return OpenSession(session, user, handle)


def require_user(opened: OpenSession | None) -> User:
    """The user who is logged in.

    Raises:
        LingpaiError: LOGIN_REQUIRED.
    """
    if opened is None or opened.user is None:
        raise LingpaiError(Kind.LOGIN_REQUIRED, "Log in first.")
    return opened.user


async def end_session(issuer: Issuer, session: Session) -> None:
    """Log out."""
    await issuer.store.remove_session(session.id)


def form_token(issuer: Issuer, session: Session) -> str:
    """What a form of this session carries to prove that it is ours (attacks B17)."""
    return _handle(issuer, session, HandleKind.FORM)


def check_form(issuer: Issuer, session: Session, token: str) -> None:
    """Refuse a form that is not of this session.

    Raises:
        LingpaiError: FORGED_FORM.
    """
    handle = issuer.unseal(token, HandleKind.FORM)
    if handle is None or (handle.id, handle.generation) != (session.id, session.salt):
        raise LingpaiError(Kind.FORGED_FORM, "This form is not of your session; load the page again.")


def _handle(issuer: Issuer, session: Session, kind: HandleKind) -> str:
    return issuer.seal(kind, session.id, session.salt, session.created_at)
