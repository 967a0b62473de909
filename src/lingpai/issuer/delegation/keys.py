"""The keys that a realm shares with the site that logs its users in: made here, two valid while they are rotated.

A new key does not sign requests until the site has answered with it, so the site may be given both, and its processes
may change over one after the other. An hour after that the old one is not accepted any more.
"""

from collections.abc import Sequence
from typing import Final

from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.identity_records import LoginKey
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import HOUR

KEY_BYTES: Final = 32
OVERLAP: Final = HOUR
"""Seconds for which the old key is accepted after the site's first answer with the new one."""


def signing(keys: Sequence[LoginKey]) -> LoginKey | None:
    """Return the key that signs requests: the newest that the site has used, else the first; None without keys."""
    used = [key for key in keys if key.used_at]
    return used[-1] if used else next(iter(keys), None)


def accepted(keys: Sequence[LoginKey], now: int) -> list[LoginKey]:
    """Return the keys that the site may sign with at this time (the issuer's), newest first."""
    newest = keys[-1] if keys else None
    over = newest is not None and newest.used_at and newest.used_at + OVERLAP <= now
    return [key for key in reversed(keys) if key is newest or not over]


async def rotate(issuer: Issuer, *, at_once: bool = False) -> LoginKey:
    """Give a realm its first key, or the next one.

    Args:
        issuer: the realm.
        at_once: whether the keys before are not accepted any more from now on, as after a leak.

    Raises:
        LingpaiError: INVALID_PARAMETER: somebody else made one at the same time. STORE_UNAVAILABLE.
    """
    keys = await issuer.store.list_login_keys(issuer.realm)
    kept = None if at_once else signing(keys)
    key = LoginKey(
        realm=issuer.realm,
        number=keys[-1].number + 1 if keys else 1,
        key=issuer.random_bytes(KEY_BYTES).hex(),
        created_at=issuer.now(),
    )
    change = Change("realm.login-key", "", after={"number": key.number, "at_once": at_once})
    if not await issuer.recording(change).add_login_key(key, kept.number if kept and kept.used_at else None):
        raise LingpaiError(Kind.INVALID_PARAMETER, "Another key was made at the same time; look again.")
    return key
