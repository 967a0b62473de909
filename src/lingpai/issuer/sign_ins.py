"""The login behind a grant, for the id_tokens that are made of it (OpenID Connect Core §2)."""

import msgspec

from lingpai.core import base64url
from lingpai.core.authorization_records import AuthorizationRequest, Session
from lingpai.core.issuer_records import Grant
from lingpai.core.user_records import User
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.sessions import OpenSession


class SignIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One login of a user, as one client asked for it. A grant has it as JSON, in its `nonce`.

    Attributes:
        auth_time: when the user logged in, by the issuer's time.
        nonce: as the client gave it, or "".
        claims: names of the claims that the client wants in the id_token.
        jkt: thumbprint of the key that the grant's tokens are bound to (RFC 9449 §6), or "".
        since: generation of the grant from which its access tokens are bound to that key; earlier ones have ended.
        userinfo: names of the claims that it wants at userinfo besides those of its scopes.
        sid: the session as the client knows it, which differs for each client and reveals nothing, or "".
    """

    auth_time: int = 0
    nonce: str = ""
    claims: tuple[str, ...] = ()
    jkt: str = ""
    since: int = 0
    userinfo: tuple[str, ...] = ()
    sid: str = ""


_decoder = msgspec.json.Decoder(SignIn)
_JKT = '"jkt"'
"""In what is kept of each grant that is bound to a key; most are not, and are not read for that."""


def write_sign_in(issuer: Issuer, request: AuthorizationRequest, session: Session) -> str:
    """The login of this session for this request, as a grant keeps it."""
    wishes = request.wishes
    return encode_sign_in(
        SignIn(
            auth_time=session.created_at,
            nonce=request.nonce,
            claims=wishes.claims,
            jkt=wishes.jkt,
            userinfo=wishes.userinfo,
            sid=sid_of(issuer, session, request.app_id),
        )
    )


def encode_sign_in(sign_in: SignIn) -> str:
    """Return a login as a grant keeps it."""
    return msgspec.json.encode(sign_in).decode()


def bound_key(grant: Grant) -> str:
    """Return the thumbprint of the key that a grant's tokens are bound to, "" for none."""
    return read_sign_in(grant).jkt if _JKT in grant.nonce else ""


def sid_of(issuer: Issuer, session: Session, app_id: str) -> str:
    """A session as one client knows it; "" when it has no name."""
    return sid_for(issuer, session.sid, app_id)


def sid_for(issuer: Issuer, sid: int, app_id: str) -> str:
    """The same by the session's random number alone, of which 0 is none."""
    return base64url.encode(issuer.digest_of("sid", str(sid), app_id)) if sid else ""


def read_sign_in(grant: Grant) -> SignIn:
    """Return the login behind a grant; for a code that an operator made, the time of that."""
    return _decoder.decode(grant.nonce) if grant.nonce else SignIn(auth_time=grant.created_at)


def with_stale(asked: Asked, opened: OpenSession, now: int) -> Asked:
    """The request, with the session that its browser comes with where the user has to log in all the same."""
    wishes = asked.wishes
    session = opened.session
    other = wishes.user not in {0, opened.user.id}
    if not (wishes.again or other or _is_stale(session, wishes.max_age, now)):
        return asked
    return msgspec.structs.replace(asked, wishes=msgspec.structs.replace(wishes, stale=session.id))


def counts(session: Session, request: AuthorizationRequest) -> bool:
    """True when a session is as new as the request requires (OpenID Connect Core §3.1.2.1, `max_age`, `prompt`)."""
    wishes = request.wishes
    return session.id != wishes.stale and not _is_stale(session, wishes.max_age, request.created_at)


def is_expected(user: User, request: AuthorizationRequest) -> bool:
    """True when this is the user whom the client expects, or when it expects nobody in particular."""
    return request.wishes.user in {0, user.id}


def _is_stale(session: Session, max_age: int, asked_at: int) -> bool:
    """True when the user logged in more than `max_age` seconds before the request; never with -1."""
    return max_age >= 0 and asked_at - session.created_at > max_age
