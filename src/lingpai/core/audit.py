"""Changes by operators, as values: the actor, the thing, and its fields before and after."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

DONE: Final = "done"
REFUSED: Final = "refused"


class Actor(NamedTuple):
    """The actor of a change.

    Attributes:
        kind: "cli" for a command on the host, "admin" for an admin key, "console" for a session of the console.
        name: `user@host` of the command's process, or the key's name.
        address: the peer of a request, or "".
        trace_id: of the request, or "".
        reason: why, as the operator says, for changes that have no reason of their own.
    """

    kind: str
    name: str
    address: str = ""
    trace_id: str = ""
    reason: str = ""


class Change(NamedTuple):
    """One thing that an operator did, or was refused.

    Attributes:
        action: kind of thing and verb, such as "caller.change".
        target: the thing's name; with the realm first where it belongs to one.
        before: the changed fields as they were; a secret as its fingerprint.
        after: the changed fields as they are.
        reason: why, as the operator says, or why it was refused.
        outcome: `DONE` or `REFUSED`.
    """

    action: str
    target: str
    before: Mapping[str, Any] = {}
    after: Mapping[str, Any] = {}
    reason: str = ""
    outcome: str = DONE

    @classmethod
    def between(
        cls, action: str, target: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> "Change":
        """Return the change from one state of a thing to another; None for a state in which it does not exist.

        A field that is the same in both is in neither.
        """
        first, second = before or {}, after or {}
        names = [
            name for name in {**first, **second} if name not in first or first.get(name) != second.get(name)
        ]
        names += [name for name in first if name not in second and name not in names]
        return cls(
            action,
            target,
            {name: first[name] for name in names if name in first},
            {name: second[name] for name in names if name in second},
        )


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the audit trail.

    Attributes:
        id: from 1, without gaps.
        at: unix time in seconds.
        changes: `before` and `after` as JSON.
        previous: the digest of the row before, b"" of the first one.
        digest: keyed digest of all the rest of this row.
    """

    id: int
    at: float
    actor_kind: str
    actor: str
    address: str
    trace_id: str
    action: str
    target: str
    changes: str
    reason: str
    outcome: str
    previous: bytes
    digest: bytes


class AdminKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the admin API; only a keyed digest of it is stored.

    Attributes:
        id: its row; 0 before it is stored.
        key_id: the part of the key that says which it is.
        name: unique, also among removed ones; the audit trail shows it.
        role: the preset that its rights are from, or "".
        rights: see `operating.rights`.
        networks: CIDR blocks that its requests may come from; empty means any.
        created_at: unix time in seconds, as all times here.
        ends_at: when it stops being valid.
        used_at: when it was used last, to the minute; None before.
        removed_at: when it was removed, or None.
    """

    id: int = 0
    key_id: str
    name: str
    role: str = ""
    rights: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    created_at: float = 0.0
    ends_at: float = 0.0
    used_at: float | None = None
    removed_at: float | None = None
