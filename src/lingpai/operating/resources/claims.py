"""What apps of the standard protocol may read of a user besides the profile, such as their e-mail address."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from typing_extensions import override

from lingpai.core.flaws import demand, flaws_of
from lingpai.core.user_records import User, UserClaims
from lingpai.issuer import admin
from lingpai.issuer.checks import check_claims
from lingpai.operating.port import Document, Key
from lingpai.operating.resources.resource import Resource
from lingpai.operating.resources.users import Users, find_one
from lingpai.operating.site import Site


class OwnClaims(NamedTuple):
    """A user and their claims."""

    user: User
    claims: UserClaims


class Claims(Resource[OwnClaims]):
    """See `user_records.UserClaims`; the key is the user's: realm and uid. Every user has them, at first empty."""

    kind = "claims"
    path = "/realms/{realm}/users/{uid}/claims"
    area = "users"
    noun = "claims of a user"
    methods = ("GET", "PUT", "PATCH")
    listed = False
    entry = UserClaims

    @override
    async def find(self, site: Site, key: Key) -> OwnClaims | None:
        issuer, user = await find_one(site, key)
        return OwnClaims(user, await issuer.store.find_claims(user.id) or UserClaims())

    @override
    def key_of(self, site: Site, record: OwnClaims) -> Key:
        return Users().key_of(site, record.user)

    @override
    async def document(self, site: Site, record: OwnClaims) -> Document:
        document: Document = msgspec.to_builtins(record.claims)
        return document

    @override
    def settable(self, record: OwnClaims) -> Document:
        return {
            name: value for name, value in msgspec.to_builtins(record.claims).items() if name != "updated_at"
        }

    @override
    async def build(self, site: Site, key: Key, entry: UserClaims, known: OwnClaims | None) -> OwnClaims:
        if known is None:
            raise self.missing(key)
        wanted = msgspec.structs.replace(entry, updated_at=known.claims.updated_at)
        demand(flaws_of("", check_claims, wanted))
        return OwnClaims(known.user, wanted)

    @override
    def changed(self, known: OwnClaims, wanted: OwnClaims) -> tuple[str, ...]:
        names = (name for name in UserClaims.__struct_fields__ if name != "updated_at")
        return tuple(name for name in names if getattr(known.claims, name) != getattr(wanted.claims, name))

    @override
    async def save(self, site: Site, known: OwnClaims | None, wanted: OwnClaims) -> Mapping[str, str] | None:
        if known is None:
            raise self.missing(self.key_of(site, wanted))
        issuer = site.issuer(wanted.user.realm)
        changed = await admin.change_claims(issuer, wanted.user, known.claims, wanted.claims)
        return None if changed is None else {}
