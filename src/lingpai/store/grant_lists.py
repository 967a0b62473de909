"""Lists of grants for operators: by the index that fits, a page at a time, on either engine."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from lingpai.core.issuer_records import GrantKind, GrantView
from lingpai.store.issuer_port import Listed

BEFORE_ALL: Final = (1 << 63) - 1
"""Above every id: where the first page begins."""


class Narrowed(NamedTuple):
    """Filters for a list of grants; None for any.

    Attributes:
        realm: by name.
        app: row of the app.
        user: row of the user.
        terminal: row of the terminal.
        kind: of the grant.
    """

    realm: str
    app: int | None
    user: int | None
    terminal: int | None
    kind: GrantKind | None

    def query(self) -> tuple[str, str, int | str]:
        """The query that goes by the index with the fewest rows: its name, what it asks for, and the value."""
        for name in ("terminal", "user", "app"):
            row: int | None = getattr(self, name)
            if row is not None:
                return f"list_grants_of_{name}", name, row
        return "list_grants", "realm", self.realm

    def page(self, views: Sequence[GrantView], now: int, limit: int) -> Listed:
        """The page of what the query found; `limit` is how many rows it looked at, at most."""
        before = views[-1].grant.id if len(views) == limit else None
        return Listed(tuple(view for view in views if view.grant.ends_at > now and self._takes(view)), before)

    def _takes(self, view: GrantView) -> bool:
        grant = view.grant
        return grant.realm == self.realm and all(
            wanted in {None, found}
            for wanted, found in (
                (self.app, grant.app),
                (self.user, grant.user),
                (self.terminal, grant.terminal),
                (self.kind, grant.kind),
            )
        )
