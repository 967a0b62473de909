"""Webhooks: addresses of others that receive the events of accounts."""

from typing import Final

import msgspec

ACTIVE: Final = "active"
ASIDE: Final = "aside"
ENDED: Final = "ended"


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook.

    Attributes:
        name: unique.
        url: where events are posted to.
        apps: accounts whose events it receives, as callers' apps.
        types: types of events that it receives; () for all.
        secret: signs what is posted; `whsec_` and base64.
        former_secret: the one before, which signs too until `former_ends_at` (unix seconds).
        former_ends_at: see there.
        position: id of the last event that was delivered, or that it does not receive.
        failures: failed attempts with the next event.
        next_at: unix time before which there is no further attempt.
        problem: why the last attempt failed.
        state: `active`; `aside` after the last attempt, until it is replayed; `ended` when its owner answered 410.
        created_at: unix time.
        revision: grows with each change of the row.
    """

    name: str
    url: str
    apps: tuple[str, ...] = ("*",)
    types: tuple[str, ...] = ()
    secret: str = ""
    former_secret: str = ""
    former_ends_at: float = 0.0
    position: int = 0
    failures: int = 0
    next_at: float = 0.0
    problem: str = ""
    state: str = ACTIVE
    created_at: float = 0.0
    revision: int = 0

    def __repr__(self) -> str:
        """Return a text without the secrets."""
        return f"Hook({self.name})"
