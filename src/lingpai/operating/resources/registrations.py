"""Initial access tokens of a realm, with which apps register themselves."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.registration_records import InitialToken
from lingpai.issuer.user_documents import initial_token_document
from lingpai.issuer.verbs.registrations import issue_initial_token, revoke_initial_token
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import Action, Resource, row_of, sliced
from lingpai.operating.site import Site

WEEK = 7 * 86_400
MOST_USES = 1_000_000
LONGEST = 100 * 365 * 86_400
"""Seconds of a token that ends at all; null makes one without an end."""


class NewToken(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An initial access token.

    Attributes:
        name: whom it is for.
        uses: how many apps may register with it; null for any number.
        lifetime: seconds that it is valid; null for no end.
        scopes: scopes that its apps may have in tokens of their own.
    """

    name: str = ""
    uses: Annotated[int, msgspec.Meta(ge=1, le=MOST_USES)] | None = 1
    lifetime: Annotated[int, msgspec.Meta(ge=1, le=LONGEST)] | None = WEEK
    scopes: tuple[str, ...] = ()


async def add(site: Site, key: Key, body: NewToken) -> Document:
    """Make an initial access token."""
    issuer = site.issuer(key[0])
    made, token = await issue_initial_token(
        issuer,
        name=body.name,
        uses=body.uses,
        lifetime=body.lifetime,
        scopes=tuple(dict.fromkeys(body.scopes)),
    )
    return {**initial_token_document(issuer, made), "token": token}


class Registrations(Resource[InitialToken]):
    """See `registration_records.InitialToken`; the key is realm and number. Removing one revokes it."""

    kind = "registrations"
    path = "/realms/{realm}/registrations/{number}"
    area = "issuer"
    noun = "initial access token"
    methods = ("GET", "DELETE")
    actions: ClassVar[Mapping[str, Action]] = {
        "add": Action(
            "",
            add,
            NewToken,
            "Make an initial access token; it is shown once.",
            whole=True,
            underived="token",
        )
    }

    @override
    async def find(self, site: Site, key: Key) -> InitialToken | None:
        issuer, row = site.issuer(key[0]), row_of(key[1])
        found = None if row is None else await issuer.store.read_initial_token(row)
        return found if found is not None and found.realm == issuer.realm else None

    @override
    async def document(self, site: Site, record: InitialToken) -> Document:
        return initial_token_document(site.issuer(record.realm), record)

    @override
    async def remove(self, site: Site, known: InitialToken) -> bool:
        return await revoke_initial_token(site.issuer(known.realm), known.id)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        issuer = site.issuer(key[0])
        found = await issuer.store.list_initial_tokens(issuer.realm)
        return sliced([(f"{each.id:018}", await self.document(site, each)) for each in found], after, limit)
