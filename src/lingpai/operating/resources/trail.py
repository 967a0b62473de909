"""The audit trail and the admin keys: both can only be read here. Keys are made on the host."""

from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import override

from lingpai.core.audit import AdminKey, AuditRow
from lingpai.operating.audit import audit_document, exported, verify_audit
from lingpai.operating.keys import key_document
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import PREFIX, Action, Nothing, Resource, number_of, row_of, sliced
from lingpai.operating.site import Site
from lingpai.store.administration_port import AuditFilter


async def verify(site: Site, _key: Key, _body: Nothing) -> Document:
    """Check the digests of the whole audit trail."""
    found = await verify_audit(site.keeper.store, site.keeper.ring)
    return {**found._asdict(), "verified": not found.problem}


class AuditTrail(Resource[AuditRow]):
    """See `core.audit.AuditRow`; the key is the number."""

    kind = "audit"
    path = "/audit/{id}"
    area = "audit"
    noun = "row of the audit trail"
    methods = ("GET",)
    actions: ClassVar[Mapping[str, Action]] = {
        "verify": Action(
            "/verify",
            verify,
            Nothing,
            "Check that no row of the audit trail was altered, removed or put in.",
            verb="read",
            whole=True,
        )
    }
    filters: ClassVar[Mapping[str, str]] = {
        "oldest": "1: oldest first, all rows, each with the digests that chain them.",
        "actor": "Only of this operator.",
        "action": "Only this action, such as caller.change.",
        "target": "Only of the thing of this name; a * at its end for all that begin so.",
        "since": "Only what is not older than this unix time.",
        "below": "Only rows with numbers below this one.",
        "above": "With `oldest`: only rows with numbers above this one.",
    }

    @override
    async def find(self, site: Site, key: Key) -> AuditRow | None:
        number = row_of(key[0])
        if number is None:
            return None
        rows = await site.keeper.store.read_audit(number - 1, 1)
        return rows[0] if rows and rows[0].id == number else None

    @override
    async def document(self, site: Site, record: AuditRow) -> Document:
        del site
        return audit_document(record)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        """Newest first, unless all are wanted."""
        del key
        if wanted.get("oldest") == "1":
            rows = await site.keeper.store.read_audit(
                int(after or number_of(wanted, "above") or 0), limit + 1
            )
            more = str(rows[limit - 1].id) if len(rows) > limit else ""
            return Page([exported(row) for row in rows[:limit]], more)
        since = number_of(wanted, "since")
        actor, action, target = (wanted.get(name, "") for name in ("actor", "action", "target"))
        found = AuditFilter(actor, action, target, None if since is None else float(since))
        rows = await site.keeper.store.list_audit(
            found, int(after) if after else number_of(wanted, "below"), limit + 1
        )
        more = str(rows[limit - 1].id) if len(rows) > limit else ""
        return Page([audit_document(row) for row in rows[:limit]], more)


class Admins(Resource[AdminKey]):
    """See `core.audit.AdminKey`; the key is the name."""

    kind = "admins"
    path = "/admins/{name}"
    area = "admin"
    noun = "admin key"
    filters = PREFIX
    methods = ("GET",)

    @override
    async def find(self, site: Site, key: Key) -> AdminKey | None:
        keys = await site.keeper.store.list_admin_keys()
        return next((each for each in keys if each.name == key[0]), None)

    @override
    async def document(self, site: Site, record: AdminKey) -> Document:
        return key_document(record, site.keeper.clock.now())

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key
        keys = await site.keeper.store.list_admin_keys()
        return sliced(
            [(each.name, await self.document(site, each)) for each in keys], after, limit, wanted.get("q", "")
        )
