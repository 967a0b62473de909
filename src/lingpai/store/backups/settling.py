"""End in one transaction everything that a restored store cannot know; the same for both engines.

Since the backup, ids were handed out, codes and keys were spent, sessions were closed and tokens were replaced. So ids
go on far ahead of all that were handed out; whatever may have been used up since is over; held tokens are fetched anew.
"""

from typing import Any, Final, Protocol

import apsw
import msgspec
from typing_extensions import override

from lingpai.core.issuer_records import GrantState
from lingpai.store.queries import Row
from lingpai.store.vault import Vault

AHEAD: Final = 1 << 40
"""By how much versions and fences move on."""
IDS_AHEAD: Final = 1 << 33
"""By how much ids move on: what a thousand grants a second use up in 99 days."""
_MAX_ID: Final = 1 << 39
"""Handles have 40 bits for an id: 63 restores, and as much room again behind them."""
_FETCHABLE: Final = "kind NOT LIKE 'terminal:%' AND kind NOT LIKE '%/refresh'"
"""Kinds of held values that the app's secret brings again; a terminal's came from its owner, and stay."""
USED: Final = ("accounts", "callers", "issuer_apps", "issuer_users", "issuer_grants")
"""Tables of which one row makes a store one that somebody uses."""
_END: Final = (
    "UPDATE issuer_grants SET state = {ended}, end_reason = 'restored', ends_at = created_at, "
    "look_at = CASE WHEN look_at < created_at THEN look_at ELSE created_at END WHERE "
)
_ENDED: Final = {
    "sessions": "DELETE FROM issuer_sessions",
    "online": _END + "state <> {ended} AND id IN (SELECT grant_row FROM issuer_session_grants WHERE online)",  # noqa: S608  our words
    "authorizations": "DELETE FROM issuer_authorizations",
    "codes": _END + "state = {issued}",
    "terminal_keys": "UPDATE issuer_machines SET qr_digest = substr(qr_digest, 1, 0), qr_ends_at = 0 "
    "WHERE qr_ends_at > 0",
    "exchanges": "DELETE FROM exchanges",
    "leases": "UPDATE credentials SET lease_holder = NULL WHERE lease_holder IS NOT NULL",
    "roles": "DELETE FROM roles",
}
_GRANTS: Final = _END + "state IN ({live}, {superseded})"
_LAST: Final = (
    "SELECT max((SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1), "
    '(SELECT coalesce(max(id), 0) FROM "{}"))'
)
_STATES: Final = {each.name.lower(): int(each) for each in GrantState}


class Settled(msgspec.Struct, frozen=True):
    """IssuerRepository that were made to a restored store.

    Attributes:
        ended: how many rows of each kind are over.
        fetched_anew: how many held tokens and tickets are fetched again at the next request; until then they stay.
        ids_ahead: by how much ids moved on.
    """

    ended: dict[str, int]
    fetched_anew: int
    ids_ahead: int = IDS_AHEAD


class Side(Protocol):
    """A transaction in either engine."""

    def mark(self, position: int) -> str:
        """The placeholder of an argument, counted from 1."""
        ...

    async def change(self, statement: str, *arguments: Any) -> int:
        """Run a statement; how many rows it changed."""
        ...

    async def rows(self, statement: str) -> list[Row]:
        """All rows of a statement."""
        ...

    async def move_ids(self) -> None:
        """Have every sequence of ids go on `IDS_AHEAD` of where it is."""
        ...


async def settle(side: Side, vault: Vault, *, end_grants: bool) -> Settled:
    """End what a store that was put back cannot know.

    Args:
        side: a transaction in it.
        vault: of its key ring.
        end_grants: whether every grant ends too, so that all users and apps begin again.

    Raises:
        SealError, KeyRingError: the store is sealed with another key ring.
    """
    await side.move_ids()
    statements = {**_ENDED, **({"grants": _GRANTS} if end_grants else {})}
    ended = {name: await side.change(statement.format(**_STATES)) for name, statement in statements.items()}
    await _move_versions(side, vault)
    fetched_anew = await side.change(
        f"UPDATE credentials SET suspect = true WHERE version > 0 AND {_FETCHABLE}"  # noqa: S608  our own words
    )
    return Settled(ended, fetched_anew)


async def _move_versions(side: Side, vault: Vault) -> None:
    """Callers name the version that they have; one that comes again with another value must not look like theirs."""
    first, second, third = map(side.mark, (1, 2, 3))
    statement = f"UPDATE generations SET version = {first}, value = {second} WHERE id = {third}"  # noqa: S608
    for row_id, sealed, credential, version in await side.rows(
        "SELECT id, value, credential_id, version FROM generations ORDER BY id"
    ):
        value = vault.open(sealed, "generations.value", credential, version)
        moved = version + AHEAD
        await side.change(statement, moved, vault.seal(value, "generations.value", credential, moved), row_id)
    await side.change(f"UPDATE credentials SET version = version + {AHEAD} WHERE version > 0")  # noqa: S608
    await side.change(f"UPDATE credentials SET fence = fence + {AHEAD}")  # noqa: S608


class SqliteSide(Side):
    """A transaction in an embedded store."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @override
    def mark(self, position: int) -> str:
        return f"?{position}"

    @override
    async def change(self, statement: str, *arguments: Any) -> int:
        self._connection.execute(statement, arguments).fetchall()
        return self._connection.changes()

    @override
    async def rows(self, statement: str) -> list[Row]:
        return self._connection.execute(statement).fetchall()

    @override
    async def move_ids(self) -> None:
        """Give what was never numbered a row of its own, as ids may have been lost there too."""
        numbered = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
        for (name,) in self._connection.execute(numbered).fetchall():
            found: Any = self._connection.execute(_LAST.format(name), (name,)).get
            moved = moved_on(int(found))
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,)).fetchall()
            self._connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (name, moved)).fetchall()


def moved_on(last: int) -> int:
    """The id after which ids go on, behind the last one that is known of.

    Raises:
        OverflowError: there is no room for it.
    """
    if last + IDS_AHEAD > _MAX_ID:
        raise OverflowError("ids have moved on too often")
    return last + IDS_AHEAD
