"""Requests of clients to log their user out (OpenID Connect RP-Initiated Logout 1.0 §2): sealed for the browser."""

from typing import Final

import msgspec

from lingpai.core.authorization_records import Session
from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import MINUTE
from lingpai.issuer.sign_ins import sid_of

MAX_STATE: Final = 2048
"""Characters of a state; it travels in addresses."""
LIFE: Final = 15 * MINUTE
"""Seconds for which a request may be answered."""
_PURPOSE: Final = "logout requests"


class LogoutRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A request that is known to be right, in as much as it counts.

    Attributes:
        app_id: public id of the client, "" when it is not known.
        uri: where the browser goes afterwards: registered, and asked for by the client itself; else "".
        state: returned unchanged with that.
        sid: the session that the client means, as it knows it; "" when the user has to be asked.
        ends_at: until when it may be answered.
        unchecked: whether nobody here has checked where `uri` leads: the client registered itself.
    """

    app_id: str = ""
    uri: str = ""
    state: str | None = None
    sid: str = ""
    ends_at: int = 0
    unchecked: bool = False


def seal_logout(issuer: Issuer, request: LogoutRequest) -> str:
    """Return what the browser carries."""
    timed = msgspec.structs.replace(request, ends_at=issuer.now() + LIFE)
    return issuer.sealed_texts(_PURPOSE).seal(msgspec.msgpack.encode(timed))


def open_logout(issuer: Issuer, text: str) -> LogoutRequest:
    """Return the request that was sealed; one that asks for nothing when there is none.

    Raises:
        LingpaiError: INVALID_AUTHORIZATION.
    """
    if not text:
        return LogoutRequest()
    plain = issuer.sealed_texts(_PURPOSE).open(text)
    try:
        found = None if plain is None else msgspec.msgpack.decode(plain, type=LogoutRequest)
    except msgspec.MsgspecError:  # of another release
        found = None
    if found is None or found.ends_at <= issuer.now():
        raise LingpaiError(Kind.INVALID_AUTHORIZATION, "This logout has expired; start again.")
    return found


def means(issuer: Issuer, request: LogoutRequest, session: Session) -> bool:
    """Return whether a client knows this session and asks to end it."""
    return bool(request.sid) and request.sid == sid_of(issuer, session, request.app_id)
