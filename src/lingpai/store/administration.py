"""Verbs on what is kept of operators, written once for both engines (`store.transaction`)."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from lingpai.core.audit import Actor, AdminKey, AuditRow, Change
from lingpai.core.console_records import ConsoleSession
from lingpai.core.seals import Digester
from lingpai.store.administration_port import AuditFilter, Kept
from lingpai.store.queries import Row

NONCE_SECONDS: Final = 600.0
"""Seconds in which a lost answer is given again with its secret."""
BEFORE_ALL: Final = 2**62
MOST_TEXT: Final = "\U0010ffff"
"""Sorts after all text that may follow a prefix."""
_names = msgspec.json.Decoder(tuple[str, ...])
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Statements(Protocol):
    """A transaction that is under way, as far as these verbs need it."""

    async def rows(self, query: str, *arguments: Any) -> Sequence[Row]:
        """All rows of a query that both engines have under this name."""
        ...


def content_of(row: AuditRow) -> str:
    """Return what the digest of a row is made of: everything else in it."""
    *content, previous, _ = msgspec.structs.astuple(row)
    return _encode([*content, previous.hex()]).decode()


def read_row(row: Row) -> AuditRow:
    """Return a row of the audit trail from its columns."""
    *content, previous, digest = row
    names = AuditRow.__struct_fields__[: len(content)]
    return AuditRow(**dict(zip(names, content, strict=True)), previous=bytes(previous), digest=bytes(digest))


async def append(statements: Statements, digest: Digester, now: float, actor: Actor, change: Change) -> None:
    """Add a row to the audit trail; the newest row is locked until the transaction ends."""
    await statements.rows("begin_audit")
    ((last, previous),) = await statements.rows("lock_audit_head")
    row = AuditRow(
        id=last + 1,
        at=now,
        actor_kind=actor.kind,
        actor=actor.name,
        address=actor.address,
        trace_id=actor.trace_id,
        action=change.action,
        target=change.target,
        changes=_encode({"before": change.before, "after": change.after}).decode(),
        reason=change.reason or actor.reason,
        outcome=change.outcome,
        previous=bytes(previous),
        digest=b"",
    )
    made = digest(content_of(row))
    *columns, _ = msgspec.structs.astuple(row)
    await statements.rows("add_audit_row", *columns, made)
    await statements.rows("move_audit_head", row.id, made)


def audit_arguments(wanted: AuditFilter, before: int | None, limit: int) -> tuple[Any, ...]:
    """Return the arguments of `list_audit`."""
    target, start, end = wanted.target, "", ""
    if target.endswith("*"):
        start = target[:-1]
        end = start + MOST_TEXT
    ids = BEFORE_ALL if before is None else before
    since = -1.0 if wanted.since is None else wanted.since
    return (ids, wanted.actor, wanted.action, target, start, end, since, limit)


async def claim(
    statements: Statements, now: float, digest: bytes, body: bytes, nonce: bytes, ends_at: float
) -> Kept | None:
    """See `store.administration_port.Administration.claim_answer`."""
    await statements.rows("drop_ended_answer", digest, now)
    if await statements.rows("claim_answer", digest, body, nonce, now + NONCE_SECONDS, ends_at):
        return None
    ((known, status, answer, kept_nonce, nonce_ends_at),) = await statements.rows("read_answer", digest)
    fresh = bytes(kept_nonce) if nonce_ends_at > now else b""
    return Kept(bytes(known), status, answer, fresh)


def key_columns(key: AdminKey, digest: bytes) -> tuple[Any, ...]:
    """Return an admin key as the columns of `add_admin_key`."""
    lists = (msgspec.json.encode(each).decode() for each in (key.rights, key.networks))
    return (key.key_id, key.name, digest, key.role, *lists, key.created_at, key.ends_at)


def read_key(row: Row) -> AdminKey:
    """Return an admin key from (id, key_id, name, role, rights, networks, created_at, ends_at, used_at, removed_at)."""
    row_id, key_id, name, role, rights, networks, created_at, ends_at, used_at, removed_at = row
    return AdminKey(
        id=row_id,
        key_id=key_id,
        name=name,
        role=role,
        rights=_names.decode(rights),
        networks=_names.decode(networks),
        created_at=created_at,
        ends_at=ends_at,
        used_at=used_at,
        removed_at=removed_at,
    )


def session_columns(session: ConsoleSession, digest: bytes) -> tuple[Any, ...]:
    """Return a session of the console as the columns of `add_console_session`."""
    return (digest, *msgspec.structs.astuple(session))


def read_session(row: Row) -> ConsoleSession:
    """Return a session of the console from its columns but the digest."""
    link, *rest = row
    return ConsoleSession(**dict(zip(ConsoleSession.__struct_fields__, (bool(link), *rest), strict=True)))
