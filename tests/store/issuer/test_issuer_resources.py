"""Resource servers, and clients' standing grants for them, in the store."""

import asyncio

import msgspec

from lingpai.core.issuer_records import FOREVER, App, Grant, GrantKind, GrantState, Resource
from lingpai.store.issuer_port import IssuerStore

NOW = 1_000_000
SUBJECT = 1 << 60 | 7
RESOURCE = Resource(
    realm="oidc",
    uri="https://api.example/",
    name="Orders",
    scopes=("orders:read", "orders:write"),
    token_format="jwt",
    alg="RS256",
    access=300,
    introspector="100002",
    created_at=NOW,
)


async def test_they_are_saved_changed_found_and_removed(store: IssuerStore) -> None:
    assert await store.save_resource(RESOURCE) == RESOURCE
    plain = Resource(realm="oidc", uri="urn:b", created_at=NOW)
    assert await store.save_resource(plain) == plain
    assert await store.list_resources("oidc") == (RESOURCE, plain)
    assert await store.list_resources("other") == ()
    changed = msgspec.structs.replace(RESOURCE, name="Sales", scopes=(), created_at=NOW + 5)
    kept = msgspec.structs.replace(changed, created_at=NOW)
    assert await store.save_resource(changed) == kept
    assert await store.find_resource("oidc", RESOURCE.uri) == kept
    for realm, uri in (("other", RESOURCE.uri), ("oidc", RESOURCE.uri + "x"), ("oidc", "a\0b")):
        assert await store.find_resource(realm, uri) is None
    assert await store.remove_resource("oidc", RESOURCE.uri)
    assert not await store.remove_resource("oidc", RESOURCE.uri)
    assert await store.find_resource("oidc", RESOURCE.uri) is None


async def own_grant(store: IssuerStore, salt: int, audience: str = "urn:b") -> Grant:
    app = await store.find_app("oidc", "1") or await store.add_app(App(realm="oidc", app_id="1"))
    assert app is not None
    return Grant(
        realm="oidc",
        kind=GrantKind.APP,
        app=app.id,
        audience=audience,
        state=GrantState.LIVE,
        generation=1,
        rotated_at=NOW,
        created_at=NOW,
        ends_at=NOW + 90,
        limit_at=FOREVER,
        salt=salt,
    )


async def test_of_all_who_find_none_one_remains(store: IssuerStore) -> None:
    fresh = [await own_grant(store, 1 << 20 | n) for n in range(8)]
    stood = await asyncio.gather(*(store.stand(each, SUBJECT, seen=0, keep=60) for each in fresh))
    assert len({grant.id for grant in stood}) == 1
    row = await store.read_standing(stood[0].app, SUBJECT)
    assert row == stood[0].id
    view = await store.read_grant(row)
    assert view is not None
    assert (view.grant, view.usable) == (stood[0], True)
    assert await store.read_standing(stood[0].app, SUBJECT + 1) == 0


async def test_what_was_seen_is_replaced_and_lives_on_for_a_while(store: IssuerStore) -> None:
    first = await store.stand(await own_grant(store, 1 << 20), SUBJECT, seen=0, keep=60)
    other = await own_grant(store, 1 << 21)
    assert await store.stand(other, SUBJECT, seen=0, keep=60) == first
    second = await store.stand(other, SUBJECT, seen=first.id, keep=60)
    assert second.id != first.id
    before = await store.read_grant(first.id)
    assert before is not None
    assert (before.grant.state, before.grant.ends_at) == (GrantState.SUPERSEDED, NOW + 60)
    await store.end_grant(second, NOW, "revoked")
    third = await store.stand(await own_grant(store, 1 << 22), SUBJECT, seen=first.id, keep=60)
    assert await store.read_standing(third.app, SUBJECT) == third.id != second.id
