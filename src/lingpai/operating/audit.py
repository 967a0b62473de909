"""The audit trail for operators: its documents, and the proof that nobody altered it."""

from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import msgspec

from lingpai.core.audit import AuditRow
from lingpai.core.keyring import KeyRing
from lingpai.core.moments import moment
from lingpai.core.seals import Digester
from lingpai.store.administration import content_of
from lingpai.store.port import Store

PAGE: Final = 1000
_Changes = dict[str, dict[str, Any]]


class Verified(NamedTuple):
    """The result of verifying the whole audit trail.

    Attributes:
        rows: how many there are.
        first: the id of the oldest; 1 unless older ones were purged; 0 when there is none.
        last: the id of the newest.
        digest: of the newest, in hex digits. Who keeps it elsewhere can prove later that nothing before was altered.
        problem: what is wrong, as an English sentence, or "".
    """

    rows: int
    first: int
    last: int
    digest: str
    problem: str


def audit_document(row: AuditRow) -> dict[str, Any]:
    """Return a row of the audit trail as a JSON document."""
    changes = msgspec.json.decode(row.changes, type=_Changes)
    return {
        "id": row.id,
        "at": moment(row.at),
        "actor": row.actor,
        "actor_kind": row.actor_kind,
        "address": row.address,
        "trace_id": row.trace_id,
        "action": row.action,
        "target": row.target,
        **changes,
        "reason": row.reason,
        "outcome": row.outcome,
    }


def exported(row: AuditRow) -> dict[str, Any]:
    """Return a row as a line of an export: the document and both digests."""
    return {**audit_document(row), "previous": row.previous.hex(), "digest": row.digest.hex()}


async def each_row(store: Store, after: int = 0) -> AsyncIterator[AuditRow]:
    """Yield every row above `after`, oldest first, read page by page."""
    while rows := await store.read_audit(after, PAGE):
        for row in rows:
            yield row
        after = rows[-1].id


async def verify_audit(store: Store, ring: KeyRing) -> Verified:
    """Check the keyed digest of every row, that each follows the one before, and that the newest is the head's.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    digest, head = Digester(ring, "audit trail"), await store.audit_head()
    rows = first = last = 0
    previous = b""
    async for row in each_row(store):
        text = ""
        if digest(content_of(row)) != row.digest:
            text = f"Row {row.id} of the audit trail was altered."
        elif (rows and (row.id != last + 1 or row.previous != previous)) or (row.id == 1 and row.previous):
            text = f"Rows before row {row.id} of the audit trail were removed or put in."
        if text:
            return Verified(rows, first, last, previous.hex(), text)
        rows, first, last, previous = rows + 1, first or row.id, row.id, row.digest
        if row.id == head[0] and row.digest != head[1]:
            text = f"Row {row.id} of the audit trail was altered."
            return Verified(rows, first, last, previous.hex(), text)
    text = ""
    if last < head[0]:
        text = f"Rows after row {last} of the audit trail were removed."
    return Verified(rows, first, last, previous.hex(), text)
