"""Stored tokens and tickets, never their values; and the budgets of calls."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import CredentialStatus
from lingpai.keeper import reporting
from lingpai.keeper.app import App
from lingpai.keeper.generations import current_of
from lingpai.keeper.routes.token_holders import app_of_credential
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.accounts import NO_LABEL, Accounts
from lingpai.operating.resources.resource import Action, Nothing, Resource, number_of, sliced
from lingpai.operating.site import Site
from lingpai.operating.statuses import budget_documents, status_document

ASKER = "operator"
MOST_REASON = 500


class Reported(msgspec.Struct, forbid_unknown_fields=True):
    """A token that the platform refused."""

    token: str

    def __repr__(self) -> str:
        """Return a text without the token."""
        return "Reported()"


class Revealing(msgspec.Struct, forbid_unknown_fields=True):
    """Why a value is wanted; the audit trail has it."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_REASON)]


async def _app(site: Site, key: Key) -> App:
    """Return the configured account of a token, when it has tokens of this kind."""
    platform, account, label, kind = key
    found = await Accounts().find(site, (platform, account, label))
    if found is None:
        raise Accounts().missing((platform, account, label))
    app = site.keeper.app_of(found, ASKER)
    if not app.platform.takes(kind):
        known = ", ".join(app.platform.known_kinds)
        reason = f"There is no {kind} of {found.name}; known kinds: {known}."
        raise LingpaiError(Kind.NOT_FOUND, reason, parameter="kind")
    return app


async def clear(site: Site, key: Key, _body: Nothing) -> Document:
    """Drop a stored token: the next request fetches a new one."""
    keeper, app, kind = site.keeper, await _app(site, key), key[3]
    await keeper.note(Change("token.clear", app.name, after={"kind": kind}))  # before, as it cannot be undone
    outcome = await reporting.clear(keeper, app, kind)
    return {"account": app.name, "kind": kind, "outcome": outcome}


async def reveal(site: Site, key: Key, body: Revealing) -> Document:
    """Return the value of a token, a new one when there is none; the audit trail has the reason."""
    keeper, app, kind = site.keeper, await _app(site, key), key[3]
    if not body.reason.strip():
        raise LingpaiError(Kind.INVALID_PARAMETER, "A reason is needed.", parameter="reason")
    await keeper.note(Change("token.reveal", app.name, after={"kind": kind}, reason=body.reason))
    current = current_of(await keeper.credentials.get_or_fetch(app, kind))
    keeper.audit.count(app.asker, app.name, "token")
    return {
        "account": app.name,
        "kind": kind,
        "value": current.value,
        "expires_in": int(current.end.remaining(keeper.clock)),
        "version": current.version,
    }


async def renew(site: Site, key: Key, _body: Nothing) -> Document:
    """Drop a stored token and get the next one."""
    keeper, app, kind = site.keeper, await _app(site, key), key[3]
    outcome = (await clear(site, key, _body))["outcome"]
    current = current_of(await keeper.credentials.get_or_fetch(app, kind))
    return {
        "account": app.name,
        "kind": kind,
        "outcome": outcome,
        "version": current.version,
        "expires_in": int(current.end.remaining(keeper.clock)),
    }


async def report(site: Site, _key: Key, body: Reported) -> Document:
    """Report a dead token: it is verified once with the platform, and renewed if it is dead."""
    keeper, value = site.keeper, body.token.strip()
    credential = await keeper.store.find_credential(value) if value else None
    if credential is None:
        return {"outcome": "unknown"}
    app = await app_of_credential(keeper, credential, ASKER)
    await keeper.note(Change("token.report", app.name, after={"kind": credential.key.kind}))
    outcome = await reporting.report(keeper, app, credential, value)
    return {"outcome": outcome}


class Tokens(Resource[CredentialStatus]):
    """See `records.CredentialStatus`; the key is platform, id and label of the account, and the kind."""

    kind = "tokens"
    path = "/tokens/{platform}/{account}/{label}/{kind}"
    area = "keeper"
    noun = "token"
    methods = ("GET",)
    filters: ClassVar[Mapping[str, str]] = {
        "ends_within": "Only those that end within so many seconds.",
        "trouble": "1: only those whose renewal fails.",
    }
    actions: ClassVar[Mapping[str, Action]] = {
        "renew": Action("/renew", renew, Nothing, "Drop a stored token and get the next one."),
        "clear": Action("/clear", clear, Nothing, "Drop a stored token; the next request fetches another."),
        "reveal": Action(
            "/reveal",
            reveal,
            Revealing,
            "Show the value of a token. It needs a right of its own and a reason, which is recorded.",
            verb="reveal",
            underived="value",
            area="secrets",
        ),
        "report": Action(
            "/report",
            report,
            Reported,
            "Report a dead token: it is verified once with the platform, and renewed if it is dead.",
            whole=True,
        ),
    }

    @override
    async def find(self, site: Site, key: Key) -> CredentialStatus | None:
        platform, account, label, kind = key
        wanted = (platform, account, "" if label == NO_LABEL else label, kind)
        statuses = await site.keeper.store.list_statuses()
        return next((each for each in statuses if _name(each) == wanted), None)

    @override
    async def document(self, site: Site, record: CredentialStatus) -> Document:
        return status_document(site.keeper, record, chinese=site.chinese)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key
        within = number_of(wanted, "ends_within")
        found = []
        for each in await site.keeper.store.list_statuses():
            document = await self.document(site, each)
            if wanted.get("trouble") == "1" and not document["trouble"]:
                continue
            if within is not None and (document["remaining"] is None or document["remaining"] > within):
                continue
            found.append(("\n".join(map(str, _name(each))), document))
        return sliced(found, after, limit)


def _name(status: CredentialStatus) -> tuple[str, str, str | None, str]:
    return (status.platform, status.account, status.label, status.kind)


class Budgets(Resource[None]):
    """Use of the budgets of calls whose window is not over."""

    kind = "budgets"
    path = "/budgets/{name}"
    area = "keeper"
    noun = "budget"
    methods = ()

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key, wanted
        documents = await budget_documents(site.keeper)
        return sliced([(f"{n:09}", each) for n, each in enumerate(documents, 1)], after, limit)
