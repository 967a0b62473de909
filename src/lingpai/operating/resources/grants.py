"""Grants of a realm: each covers all codes and tokens of one authorization."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, GrantView, Terminal
from lingpai.issuer.admin import list_grants
from lingpai.issuer.administration import allow_code, end_grant
from lingpai.issuer.redirects import choose_redirect
from lingpai.issuer.user_documents import grant_document
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import Action, Resource, number_of, row_of
from lingpai.operating.site import Site

if TYPE_CHECKING:
    from lingpai.core.user_records import User

REASON: Final = "ended by an operator"
MOST_LOOKED_AT: Final = 20_000
"""Rows that a filter looks at before it answers with what it has."""
_PAGE: Final = 500


class NewCode(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The request that a code is for.

    Attributes:
        app: id of the app.
        user: login name of the user.
        machine: code of the user's terminal, or "".
        redirect_uri: that the app will send, or "".
        code_challenge: of a public client's request (S256), or "".
        scope: words; the realm's when empty.
    """

    app: str
    user: str
    machine: str = ""
    redirect_uri: str = ""
    code_challenge: str = ""
    scope: tuple[str, ...] = ()


async def code(site: Site, key: Key, body: NewCode) -> Document:
    """Make an authorization code without asking the user. It counts as the user's consent."""
    issuer = site.issuer(key[0])
    app = await issuer.store.find_app(issuer.realm, body.app)
    user = await issuer.store.find_login(issuer.realm, body.user)
    terminal = await issuer.store.find_terminal(issuer.realm, body.machine) if body.machine else None
    if app is None or user is None or (body.machine and terminal is None):
        named = ("app", body.app) if app is None else ("user", body.user) if user is None else ("machine", "")
        raise LingpaiError(
            Kind.NOT_FOUND, f"There is no {named[0]} {named[1] or body.machine}.", parameter=named[0]
        )
    if body.redirect_uri:
        loopback = issuer.policy.loopback_ports
        choose_redirect(app.redirect_uris, body.redirect_uri, loopback_ports=loopback)
    asked = Asked(
        redirect_uri=body.redirect_uri or None,
        scope=" ".join(body.scope) or None,
        challenge=body.code_challenge,
        challenge_method="S256" if body.code_challenge else "",
    )
    made = await allow_code(issuer, app, user[0], asked, terminal)
    return {"realm": issuer.realm, "code": made.code, "expires_in": issuer.policy.code}


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
        "below": "Only those with numbers below this one.",
    }

    actions: ClassVar[Mapping[str, Action]] = {
        "code": Action(
            "/code",
            code,
            NewCode,
            "Make an authorization code without asking the user, to try an integration without a browser.",
            whole=True,
            underived="code",
        )
    }

    @override
    async def find(self, site: Site, key: Key) -> GrantView | None:
        """One that has not ended."""
        realm, number = key
        issuer = site.issuer(realm)
        row = row_of(number)
        view = None if row is None else await issuer.store.read_grant(row)
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
        before = int(after) if after else number_of(wanted, "below")
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
