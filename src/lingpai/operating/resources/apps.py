"""Third-party apps of a realm."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import demand
from lingpai.core.issuer_records import App
from lingpai.issuer import admin
from lingpai.issuer.app_fields import FIELDS, app_document
from lingpai.issuer.app_flaws import app_flaws, client_flaws
from lingpai.issuer.verbs.end import end_app
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import PREFIX, Action, Nothing, Resource, sliced
from lingpai.operating.site import Site

MOST_OVERLAP = 366 * 86_400
NewApp = FIELDS.entry("NewApp", {}, app_id="")


class NewSecret(msgspec.Struct, forbid_unknown_fields=True):
    """The overlap with the secrets before, in seconds; the realm's own number when None."""

    overlap: int | None = None


async def rotate(site: Site, key: Key, body: NewSecret) -> Document:
    """Give an app another secret."""
    issuer, app = await _app(site, key)
    if not app.by_secret:
        raise LingpaiError(Kind.CONFLICT, "The app has no secret: it is public, or has keys of its own.")
    kept = issuer.policy.secret_overlap if body.overlap is None else body.overlap
    if not 0 <= kept <= MOST_OVERLAP:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "The overlap is 0 to 366 days, in seconds.", parameter="overlap"
        )
    secret = await admin.rotate_secret(issuer, app, kept, site.app_secret(issuer))
    return {"realm": issuer.realm, "app_id": app.app_id, "secret": secret, "overlap": kept}


async def end_grants(site: Site, key: Key, _body: Nothing) -> Document:
    """End every grant of an app."""
    issuer, app = await _app(site, key)
    await end_app(issuer, app)
    return {"realm": issuer.realm, "app_id": app.app_id, "outcome": "ended"}


async def add(site: Site, key: Key, body: Any) -> Document:
    """Add an app; its id is made when the body has none."""
    issuer = site.issuer(key[0])
    bare = App(realm=issuer.realm, app_id=body.app_id, **FIELDS.named(body))
    demand([*app_flaws(bare), *client_flaws(issuer, bare)])
    if body.app_id and await issuer.store.find_app(issuer.realm, body.app_id) is not None:
        reason = f"The realm {issuer.realm} already has an app {body.app_id}."
        raise LingpaiError(Kind.CONFLICT, reason, parameter="app_id")
    added, secret = await admin.add_app(issuer, bare, site.app_secret(issuer))
    return {**app_document(issuer, added), "secret": secret}


async def _app(site: Site, key: Key) -> "tuple[Any, App]":
    realm, app_id = key
    issuer = site.issuer(realm)
    app = await issuer.store.find_app(realm, app_id)
    if app is None:
        raise Apps().missing(key)
    return issuer, app


class Apps(Resource[App]):
    """See `issuer_records.App`; the key is realm and app_id."""

    kind = "apps"
    path = "/realms/{realm}/apps/{app_id}"
    area = "issuer"
    noun = "app"
    entry = FIELDS.entry("AppEntry", {})
    made = ("secret",)
    filters = PREFIX
    actions: ClassVar[Mapping[str, Action]] = {
        "add": Action("", add, NewApp, "Add an app; its secret is shown once.", whole=True, secret="secret"),  # noqa: S106
        "secrets": Action(
            "/secrets",
            rotate,
            NewSecret,
            "Give an app another secret; the ones before stay valid for a while.",
            secret="secret",  # noqa: S106  the name of a field
        ),
        "end-grants": Action("/end-grants", end_grants, Nothing, "End every grant of an app."),
    }

    @override
    async def find(self, site: Site, key: Key) -> App | None:
        return await site.issuer(key[0]).store.find_app(*key)

    @override
    def key_of(self, site: Site, record: App) -> Key:
        del site
        return (record.realm, record.app_id)

    @override
    async def document(self, site: Site, record: App) -> Document:
        return app_document(site.issuer(record.realm), record)

    @override
    async def shown(self, site: Site, record: App) -> Document:
        """With the number of users who have added it."""
        count = await site.issuer(record.realm).store.count_members(record.id)
        return {**await self.document(site, record), "users": count}

    @override
    def settable(self, record: App) -> Document:
        settable: Document = msgspec.to_builtins(FIELDS.named(record))
        return settable

    @override
    async def build(self, site: Site, key: Key, entry: Any, known: App | None) -> App:
        realm, app_id = key
        issuer = site.issuer(realm)
        bare = known or App(realm=realm, app_id=app_id, created_at=issuer.now())
        wanted = msgspec.structs.replace(bare, **FIELDS.named(entry))
        demand([*app_flaws(wanted), *client_flaws(issuer, wanted)])
        return wanted if wanted.by_secret else msgspec.structs.replace(wanted, secrets=())

    @override
    def changed(self, known: App, wanted: App) -> tuple[str, ...]:
        return FIELDS.changed(known, wanted)

    @override
    async def save(self, site: Site, known: App | None, wanted: App) -> Mapping[str, str] | None:
        issuer = site.issuer(wanted.realm)
        if known is None:
            try:
                _, secret = await admin.add_app(issuer, wanted, site.app_secret(issuer))
            except LingpaiError as error:
                if error.parameter == "app_id":  # somebody was faster
                    return None
                raise
            return {"secret": secret} if secret else {}
        if wanted.by_secret and not wanted.secrets:  # it was public, or had keys of its own
            secret = site.app_secret(issuer)
            wanted = msgspec.structs.replace(wanted, secrets=(admin.make_secret(issuer, secret),))
            return {"secret": secret} if await admin.replace_app(issuer, known, wanted) else None
        return {} if await admin.replace_app(issuer, known, wanted) else None

    @override
    def secret_again(self, site: Site, key: Key, kept: Document) -> str:
        del kept
        return site.app_secret(site.issuer(key[0]))

    @override
    async def remove(self, site: Site, known: App) -> bool:
        return await admin.remove_app(site.issuer(known.realm), known)

    @override
    async def remove_known(self, site: Site, known: App) -> bool:
        return await admin.remove_app(site.issuer(known.realm), known, unchanged=True)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        issuer = site.issuer(key[0])
        apps = await issuer.store.list_apps(issuer.realm)
        return sliced(
            [(each.app_id, app_document(issuer, each)) for each in apps], after, limit, wanted.get("q", "")
        )
