"""Grants of a realm: each covers all codes and tokens of one authorization."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from typing_extensions import override

from lingpai.core.issuer_records import App, GrantView, Terminal
from lingpai.issuer.admin import list_grants
from lingpai.issuer.administration import end_grant
from lingpai.issuer.user_documents import grant_document
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import Resource
from lingpai.operating.site import Site

if TYPE_CHECKING:
    from lingpai.core.user_records import User

REASON: Final = "ended by an operator"
MOST_LOOKED_AT: Final = 20_000
"""Rows that a filter looks at before it answers with what it has."""
_PAGE: Final = 500


class Grants(Resource[GrantView]):
    """See `issuer_records.Grant`; the key is realm and number. Removing one ends it."""

    kind = "grants"
    path = "/realms/{realm}/grants/{grant}"
    area = "issuer"
    noun = "grant"
    methods = ("GET", "DELETE")
    filters: ClassVar[Mapping[str, str]] = {
        "app": "Only of the app with this id.",
        "user": "Only of the user with this login name.",
        "machine": "Only for the terminal of this code.",
    }

    @override
    async def find(self, site: Site, key: Key) -> GrantView | None:
        """One that has not ended."""
        realm, number = key
        issuer = site.issuer(realm)
        if not number.isascii() or not number.isdecimal() or len(number) > 18:  # noqa: PLR2004  digits of a row's id
            return None
        view = await issuer.store.read_grant(int(number))
        if view is None or view.grant.realm != realm or view.grant.ends_at <= issuer.now():
            return None
        return view

    @override
    async def document(self, site: Site, record: GrantView) -> Document:
        return await grant_document(site.issuer(record.grant.realm), record)

    @override
    async def remove(self, site: Site, known: GrantView) -> bool:
        return await end_grant(site.issuer(known.grant.realm), known.grant, REASON)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        """Newest first."""
        issuer = site.issuer(key[0])
        app: App | None = None
        user: User | None = None
        terminal: Terminal | None = None
        if wanted.get("app"):
            app = await issuer.store.find_app(issuer.realm, wanted["app"])
        if wanted.get("user"):
            known = await issuer.store.find_login(issuer.realm, wanted["user"])
            user = known[0] if known else None
        if wanted.get("machine"):
            terminal = await issuer.store.find_terminal(issuer.realm, wanted["machine"])
        named = ((wanted.get("app"), app), (wanted.get("user"), user), (wanted.get("machine"), terminal))
        if any(name and found is None for name, found in named):
            return Page([])
        found: list[GrantView] = []
        before: int | None = int(after) if after else None
        looked_at = 0
        while len(found) <= limit and looked_at < MOST_LOOKED_AT:
            listed = await list_grants(
                issuer, app=app, user=user, terminal=terminal, before=before, limit=_PAGE
            )
            found += listed.views
            before, looked_at = listed.before, looked_at + _PAGE
            if before is None:
                break
        documents = [await grant_document(issuer, view) for view in found[:limit]]
        if len(found) > limit:
            return Page(documents, str(found[limit - 1].grant.id))
        return Page(documents, str(before) if before is not None else "", partial=before is not None)
