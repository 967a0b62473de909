"""Columns of pushes, the same in both engines."""

from typing import Any, Final

from lingpai.core.third_parties import Push
from lingpai.store.queries import Row
from lingpai.store.vault import Vault

CONTENT: Final = "pushes.content"


def write_push(push: Push, vault: Vault) -> tuple[Any, ...]:
    """Return the columns of a push but for its id."""
    return (
        push.digest,
        push.platform,
        push.account,
        vault.seal(push.content, CONTENT, push.digest) if push.content else None,
        push.at,
        push.next_at,
        push.attempts,
        push.outcome,
    )


def read_push(row: Row, vault: Vault) -> Push:
    """Return a push from its columns."""
    number, digest, platform, account, sealed, at, next_at, attempts, outcome = row
    return Push(
        id=number,
        digest=bytes(digest),
        platform=platform,
        account=account,
        content="" if sealed is None else vault.open(bytes(sealed), CONTENT, bytes(digest)),
        at=at,
        next_at=next_at,
        attempts=attempts,
        outcome=outcome,
    )
