"""The two messages of a delegated login, as JSON Web Tokens (RFC 7519) signed with HS256 by a key that both sides have.

Their types keep the directions apart (RFC 8725 §3.11), and `alg` is pinned (RFC 8725 §3.1). joserfc is imported when
the first of them is read or written: most services have no such site, and it takes memory in each worker.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from lingpai.core.identity_records import LoginKey

if TYPE_CHECKING:
    from joserfc.jwk import OctKey

REQUEST_TYPE: Final = "lingpai-login-request+jwt"
ANSWER_TYPE: Final = "lingpai-login+jwt"
CHALLENGE_SECONDS: Final = 600
"""Seconds that a user has to log in at the site."""
ANSWER_SECONDS: Final = 60
"""Longest life of an answer, from `iat` to `exp`."""
CLOCK_SECONDS: Final = 60
"""By how much the clocks of both sides may differ."""
MAX_ANSWER: Final = 6000
"""Characters of an answer, with room for a long nickname in `\\uXXXX`."""
MAX_SUBJECT: Final = 128

_ALGORITHM: Final = "HS256"
_CHALLENGE: Final = re.compile(r"[0-9a-f]{64}\Z")


class NotAcceptedError(Exception):
    """The answer is not one of this realm's site. `str()` says why, for the operator's log."""


class SiteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The site's answer: the user who logged in, or the reason why nobody did.

    Attributes:
        aud: the realm's URL, alone or in a list (RFC 7519 §4.1.3).
        jti: the challenge of the request.
        sub: the site's own stable id of the user.
        error: `access_denied` or `login_required`, in place of `sub`.
        auth_time: when the user gave their password or the like, by the site's clock; None when it does not say.
    """

    aud: str | tuple[str, ...]
    jti: str
    iat: float
    exp: float
    sub: str = ""
    error: str = ""
    nickname: str = ""
    picture: str = ""
    auth_time: float | None = None

    def __repr__(self) -> str:
        """Never shows who it is."""
        return f"SiteAnswer({self.jti[:8]})"


class Signed(NamedTuple):
    """An answer and the key that it was signed with."""

    answer: SiteAnswer
    key: LoginKey


def write_request(key: LoginKey, claims: Mapping[str, Any]) -> str:
    """Return a request to the site, signed; claims that are empty are left out."""
    from joserfc import jwt  # noqa: PLC0415

    head = {"alg": _ALGORITHM, "typ": REQUEST_TYPE}
    given = {name: value for name, value in claims.items() if value not in ("", None)}
    return jwt.encode(head, given, _octets(key), algorithms=[_ALGORITHM])


def read_answer(token: str, keys: Sequence[LoginKey], realm_url: str) -> Signed:
    """Return an answer of the site, whatever its age; see `is_current`.

    Args:
        token: as it came.
        keys: any of which the site may have signed with.
        realm_url: whom the answer has to be for.

    Raises:
        NotAcceptedError: it was not signed with one of them, or is not such an answer to this realm.
    """
    if not token or len(token) > MAX_ANSWER or not token.isascii():
        raise NotAcceptedError("no token")
    claims, key = _claims(token, keys)
    try:
        answer = msgspec.convert(claims, SiteAnswer)
    except msgspec.ValidationError as error:
        raise NotAcceptedError("claims are missing or of another type") from error
    if realm_url not in ((answer.aud,) if isinstance(answer.aud, str) else answer.aud):
        raise NotAcceptedError("aud is another realm")
    if not _CHALLENGE.match(answer.jti):
        raise NotAcceptedError("jti is not a challenge")
    if not 0 <= answer.exp - answer.iat <= ANSWER_SECONDS:
        raise NotAcceptedError("exp is not within 60 seconds of iat")
    if bool(answer.sub) == bool(answer.error):
        raise NotAcceptedError("either sub or error is needed")
    if answer.error not in {"", "access_denied", "login_required"}:
        raise NotAcceptedError("error is neither access_denied nor login_required")
    if len(answer.sub) > MAX_SUBJECT or not _is_text(answer.sub):
        raise NotAcceptedError("sub is longer than 128 characters, or no text")
    return Signed(answer, key)


def is_current(answer: SiteAnswer, now: float) -> bool:
    """Return whether an answer is valid at this time (unix seconds), by clocks that may differ a little."""
    return answer.iat - CLOCK_SECONDS <= now < answer.exp + CLOCK_SECONDS


def _claims(token: str, keys: Sequence[LoginKey]) -> tuple[dict[str, Any], LoginKey]:
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415

    why: Exception | None = None
    for key in keys:
        try:
            found = jwt.decode(token, _octets(key), algorithms=[_ALGORITHM])
        # joserfc lets some ValueErrors of json through, and iterates over a `crit` of any type.
        except (JoseError, TypeError, ValueError, RecursionError) as error:
            why = error
            continue
        if found.header.get("typ") != ANSWER_TYPE:
            raise NotAcceptedError("typ is not that of an answer")
        return found.claims, key
    raise NotAcceptedError("not signed with a key of this realm") from why


def _octets(key: LoginKey) -> "OctKey":
    from joserfc.jwk import OctKey  # noqa: PLC0415

    return OctKey.import_key(bytes.fromhex(key.key))


def _is_text(text: str) -> bool:
    """True when a text can be encoded as UTF-8: JSON can contain lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
