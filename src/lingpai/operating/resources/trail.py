"""The audit trail, the admin keys and the sessions of the console. Keys are made on the host, and end anywhere."""

from collections.abc import Mapping
from typing import ClassVar, Final, NamedTuple

from typing_extensions import override

from lingpai.core.audit import AdminKey, AuditRow, Change
from lingpai.core.console_records import ConsoleSession
from lingpai.core.moments import moment
from lingpai.operating.audit import audit_document, exported, verify_audit
from lingpai.operating.keys import key_document, remove_key
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import PREFIX, Action, Nothing, Resource, number_of, row_of, sliced
from lingpai.operating.site import Site
from lingpai.store.administration_port import AuditFilter

MOST_SESSIONS: Final = 10_000
_ID_BYTES: Final = 8


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
    methods = ("GET", "DELETE")

    @override
    async def find(self, site: Site, key: Key) -> AdminKey | None:
        keys = await site.keeper.store.list_admin_keys()
        return next((each for each in keys if each.name == key[0]), None)

    @override
    async def remove(self, site: Site, known: AdminKey) -> bool:
        return await remove_key(site.keeper, known.name)

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


class HeldSession(NamedTuple):
    """A session of the console, and the digest of its secret."""

    digest: bytes
    session: ConsoleSession


class ConsoleSessions(Resource[HeldSession]):
    """See `core.console_records.ConsoleSession`; the key is the beginning of the digest of its secret.

    Links that nobody used yet are among them.
    """

    kind = "sessions"
    path = "/sessions/{session}"
    area = "admin"
    noun = "session of the console"
    methods = ("GET", "DELETE")

    @override
    async def find(self, site: Site, key: Key) -> HeldSession | None:
        return next((each for each in await _sessions(site) if _id_of(each) == key[0]), None)

    @override
    async def document(self, site: Site, record: HeldSession) -> Document:
        del site
        session = record.session
        return {
            "session": _id_of(record),
            "link": session.link,
            "name": session.name,
            "role": session.role,
            "key_id": session.key_id or None,
            "created_at": moment(session.created_at),
            "used_at": moment(session.used_at),
            "ends_at": moment(session.ends_at),
        }

    @override
    async def remove(self, site: Site, known: HeldSession) -> bool:
        change = Change("console.end", known.session.name, before={"session": _id_of(known)})
        return await site.keeper.recording(change).end_console_session(known.digest)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key, wanted
        found = await _sessions(site)
        return sliced([(_id_of(each), await self.document(site, each)) for each in found], after, limit)


def _id_of(held: HeldSession) -> str:
    return held.digest[:_ID_BYTES].hex()


async def _sessions(site: Site) -> list[HeldSession]:
    """Return what has not ended."""
    now = site.keeper.clock.now()
    found = await site.keeper.store.list_console_sessions(MOST_SESSIONS)
    return [HeldSession(*each) for each in found if each[1].ends_at > now]
