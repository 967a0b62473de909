"""The key ring, which encrypts the store's secrets, and the keys that sign a realm's tokens; never a key itself."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.audit import REFUSED, Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRingError
from lingpai.core.moments import moment
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.signing_keys import PUBLISHED, SOON, KeySet, SigningKeys
from lingpai.operating import sealing
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import Action, Nothing, Resource, row_of, sliced
from lingpai.operating.site import Site


async def rotate(site: Site, _key: Key, _body: Nothing) -> Document:
    """Make a new encryption key and encrypt all stored values with it."""
    keeper, former = site.keeper, site.keeper.ring.newest.id
    try:
        key = keeper.ring.rotate(keeper.clock.now())
    except KeyRingError as error:
        raise LingpaiError(Kind.CONFLICT, str(error)) from error
    change = Change("key.rotate", str(key.id), before={"key": former}, after={"key": key.id})
    resealed = await sealing.reseal(keeper, site.advance, change, always=True)
    return {"key": key.id, "resealed": resealed}


async def reseal(site: Site, _key: Key, _body: Nothing) -> Document:
    """Encrypt again, with the active key, the values that older keys encrypted."""
    keeper = site.keeper
    newest = keeper.ring.newest.id
    resealed = await sealing.reseal(keeper, site.advance, Change("key.reseal", str(newest)))
    return {"key": newest, "resealed": resealed}


class Keys(Resource[Any]):
    """See `core.keyring.KeyRing`; the key is the number. Removing one retires it."""

    kind = "keys"
    path = "/keys/{key}"
    area = "admin"
    noun = "key"
    methods = ("GET", "DELETE")
    actions: ClassVar[Mapping[str, Action]] = {
        "rotate": Action(
            "/rotate",
            rotate,
            Nothing,
            "Make a new encryption key, and encrypt everything with it.",
            whole=True,
        ),
        "reseal": Action("/reseal", reseal, Nothing, "Encrypt again what older keys encrypted.", whole=True),
    }

    @override
    def missing(self, key: Key) -> LingpaiError:
        return LingpaiError(Kind.NOT_FOUND, f"There is no key {key[0]}; `lingpai key list` shows the ring.")

    @override
    async def find(self, site: Site, key: Key) -> Any:
        number = row_of(key[0])
        return next((each for each in site.keeper.ring.keys if each.id == number), None)

    @override
    def state(self, site: Site, record: Any) -> Any:
        return [record.id, record.id == site.keeper.ring.newest.id]

    @override
    async def document(self, site: Site, record: Any) -> Document:
        return _document(site, record, await sealing.count_sealed(site.keeper))

    @override
    async def remove(self, site: Site, known: Any) -> bool:
        keeper = site.keeper
        if any(each.id == known.id for each in keeper.ring.keys[:-1]):
            await sealing.settle(keeper)
        count = (await sealing.count_sealed(keeper)).get(known.id, 0)
        if count:
            reason = (
                f"Stored values still encrypted with key {known.id}: {count}; encrypt them again first, "
                "as `lingpai key reseal` does."
            )
            raise LingpaiError(Kind.CONFLICT, reason)
        if known.id != keeper.ring.newest.id:  # which the ring refuses to remove; noted before it is gone
            await keeper.note(Change("key.retire", str(known.id), before={"key": known.id}))
        try:
            keeper.ring.retire(known.id)
        except KeyRingError as error:
            if known.id != keeper.ring.newest.id:
                change = Change("key.retire", str(known.id), reason=str(error), outcome=REFUSED)
                await keeper.note(change)
            raise LingpaiError(Kind.CONFLICT, str(error)) from error
        return True

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key, wanted
        counts = await sealing.count_sealed(site.keeper)
        items = [(f"{each.id:09}", _document(site, each, counts)) for each in site.keeper.ring.keys]
        return sliced(items, after, limit)


def _document(site: Site, record: Any, counts: Mapping[int, int]) -> Document:
    return {
        "key": record.id,
        "created_at": moment(record.created_at),
        "values": counts.get(record.id, 0),
        "seals": record.id == site.keeper.ring.newest.id,
    }


class Rotation(msgspec.Struct, forbid_unknown_fields=True):
    """Whether new keys sign in a minute, not in a day."""

    soon: bool = False


async def rotate_signing(site: Site, key: Key, body: Rotation) -> Document:
    """Give a realm new signing keys."""
    issuer = _signing_issuer(site, key[0])
    turned = await SigningKeys(issuer).rotate(SOON if body.soon else PUBLISHED)
    return {"keys": signing_documents(issuer, turned)}


def signing_documents(issuer: Issuer, keys: KeySet) -> list[Document]:
    """Return signing keys as JSON documents, without their private halves."""
    return [
        {
            "realm": issuer.realm,
            "alg": key.alg,
            "kid": key.kid,
            "state": state,
            "created_at": moment(issuer.wall(key.created_at)),
            "signs_from": moment(issuer.wall(key.signs_from)),
            "signs_until": None if until is None else moment(issuer.wall(until)),
        }
        for key, state, until in keys.stages(issuer.now())
    ]


def _signing_issuer(site: Site, realm: str) -> Issuer:
    issuer = site.issuer(realm)
    if not dialects()[site.realms[realm].dialect].id_tokens:
        raise LingpaiError(Kind.NOT_FOUND, f"The realm {realm} signs no tokens.", parameter="realm")
    return issuer


class SigningKeyList(Resource[Any]):
    """See `issuer.signing_keys`; the key is realm and kid."""

    kind = "signing-keys"
    path = "/realms/{realm}/signing-keys/{kid}"
    area = "issuer"
    noun = "signing key"
    methods = ()
    actions: ClassVar[Mapping[str, Action]] = {
        "rotate": Action("/rotate", rotate_signing, Rotation, "Give a realm new signing keys.", whole=True)
    }

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        """In the order in which they sign."""
        del wanted
        issuer = _signing_issuer(site, key[0])
        documents = signing_documents(issuer, await SigningKeys(issuer).stored())
        return sliced([(f"{n:09}", each) for n, each in enumerate(documents, 1)], after, limit)
