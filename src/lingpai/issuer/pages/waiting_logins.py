"""Logins that wait for the operator's own site: kept in cookies of the browser, and nowhere else.

Nothing is stored before somebody proves who they are, so strangers fill no disk. A challenge is a random number and a
keyed digest of it with the browser's cookie: it is worth nothing in another browser.

A browser sends these cookies to the routes of the login alone. It keeps few of them, as all together have to fit into
one request: a new one takes the place of the oldest.
"""

import hmac
from typing import Final

import msgspec

from lingpai.issuer.authorizations import Pairs
from lingpai.issuer.context import Issuer
from lingpai.issuer.cookies import cookie_of, session_cookie
from lingpai.issuer.delegation.messages import CHALLENGE_SECONDS
from lingpai.issuer.pages.site import Site
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.authorization_requests import RENEWABLE

RETURN: Final = "/login/return"
"""The path of the return route, after that of the pages."""

_NONCE_BYTES: Final = 16
_SLOTS: Final = ("0", "1", "2", "3")
_LONG: Final = "long"
_SHORT: Final = 1200
"""Characters of a cookie that has one of the slots; there is one place for a longer one."""
_PART: Final = 3800
"""Characters of one cookie: browsers keep 4096 with the name and the attributes (RFC 6265 §6.1)."""
_PARTS: Final = 4


class WaitingLogin(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A login that was begun.

    Attributes:
        challenge: 64 hex digits, the `jti` of both messages.
        request: the encrypted authorization request that continues after it, or "".
        ends_at: when it has to be begun again, by the issuer's time.
        repeated: whether it was begun again because the site's answer was not of its time.
    """

    challenge: str
    request: str
    ends_at: int
    repeated: bool = False

    def __repr__(self) -> str:
        """Shows which one it is."""
        return f"WaitingLogin({self.challenge[:8]})"


class WaitingLogins:
    """Begins and finds waiting logins of one realm.

    Args:
        issuer: the realm.
        site: its pages.
    """

    def __init__(self, issuer: Issuer, site: Site) -> None:
        self._issuer = issuer
        self._path = site.prefix + "/login"
        self._secure = site.secure
        self._texts = issuer.sealed_texts("waiting logins")

    def begin(self, visit: Visit, request: str, *, repeated: bool) -> WaitingLogin:
        """Return a new login of this browser, and set its cookie; after `Visit.find_session`."""
        nonce = self._issuer.random_bytes(_NONCE_BYTES).hex()
        waiting = WaitingLogin(
            challenge=nonce + self._bound(visit.browser(), nonce),
            request=request,
            ends_at=self._issuer.now() + CHALLENGE_SECONDS,
            repeated=repeated,
        )
        value = self._texts.seal(msgspec.msgpack.encode(waiting))
        slot = _LONG if len(value) > _SHORT else self._free_slot(visit)
        parts = [value[start : start + _PART] for start in range(0, len(value), _PART)]
        parts[0] = f"{len(parts)}.{parts[0]}"
        for number, part in enumerate(parts):
            visit.headers += self._cookie(f"{slot}-{number}", part)
        return waiting

    def find(self, visit: Visit, challenge: str) -> WaitingLogin | None:
        """Return the login of this challenge (64 hex digits), if this browser has its cookie."""
        for slot in (*_SLOTS, _LONG):
            waiting = self._waiting_in(visit, slot)
            if waiting is not None and hmac.compare_digest(waiting.challenge, challenge):
                return waiting
        return None

    def is_bound(self, visit: Visit, challenge: str) -> bool:
        """Return whether a challenge was made for the cookie that this browser sent."""
        nonce, bound = challenge[: 2 * _NONCE_BYTES], challenge[2 * _NONCE_BYTES :]
        return bool(visit.cookie) and hmac.compare_digest(self._bound(visit.cookie, nonce), bound)

    def _free_slot(self, visit: Visit) -> str:
        """The first slot that this browser has no login in, else that of its oldest."""
        taken = {slot: self._waiting_in(visit, slot) for slot in _SLOTS}
        ends = {slot: waiting.ends_at if waiting else 0 for slot, waiting in taken.items()}
        return min(_SLOTS, key=lambda slot: ends[slot])

    def _waiting_in(self, visit: Visit, slot: str) -> WaitingLogin | None:
        opened = self._texts.open(self._value(visit, slot))
        try:
            return None if opened is None else msgspec.msgpack.decode(opened, type=WaitingLogin)
        except msgspec.MsgspecError:  # of another release
            return None

    def _bound(self, browser: str, nonce: str) -> str:
        return self._issuer.digest_of("login of a browser", browser, nonce).hex()

    def _value(self, visit: Visit, slot: str) -> str:
        count, _, first = (cookie_of(visit.call, self._name(f"{slot}-0")) or "").partition(".")
        if len(count) != 1 or count not in "1234"[:_PARTS]:
            return ""
        later = (cookie_of(visit.call, self._name(f"{slot}-{part}")) or "" for part in range(1, int(count)))
        return first + "".join(later)

    def _cookie(self, part: str, value: str) -> Pairs:
        secure = "; Secure" if self._secure else ""
        rules = f"Path={self._path}; Max-Age={RENEWABLE}; HttpOnly; SameSite=Lax{secure}"
        return (("set-cookie", f"{self._name(part)}={value}; {rules}"),)

    def _name(self, part: str) -> str:
        """The name of a cookie of this realm. `__Host-` is for cookies of every path, so it is not one here."""
        name = session_cookie(self._issuer, secure=False).replace("-session-", "-waiting-")
        return f"{'__Secure-' if self._secure else ''}{name}-{part}"
