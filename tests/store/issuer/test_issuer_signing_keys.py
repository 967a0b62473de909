"""Signing keys in the store: sealed, one of each number, and forgotten in time."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Client, SigningKey
from lingpai.core.keyring import KeyRing
from lingpai.core.seals import SealError
from lingpai.store.issuer_port import IssuerStore
from tests.issuer.engines import dump_of, execute

NOW = 1_000_000
KEY = SigningKey(
    realm="oidc",
    alg="ES256",
    number=1,
    kid="first",
    public='{"kid":"first"}',
    private="the private half",
    created_at=NOW,
    signs_from=NOW,
)


def key(number: int, signs_from: int, **over: str) -> SigningKey:
    kid = f"{over.get('alg', 'ES256')}-{number}"
    return msgspec.structs.replace(KEY, number=number, kid=kid, signs_from=signs_from, **over)


async def test_keys_are_listed_by_algorithm_and_number(store: IssuerStore) -> None:
    keys = [key(2, NOW + 5), key(1, NOW), key(1, NOW, alg="RS256")]
    for each in (*keys, key(1, NOW, realm="other")):
        assert await store.add_signing_key(each, 0)
    assert await store.list_signing_keys("oidc") == (keys[1], keys[0], keys[2])
    assert await store.list_signing_keys("nowhere") == ()


async def test_of_all_who_make_a_key_one_does(store: IssuerStore) -> None:
    made = [msgspec.structs.replace(KEY, kid=f"kid {n}", private=f"half {n}") for n in range(8)]
    won = await asyncio.gather(*(store.add_signing_key(each, 0) for each in made))
    assert sum(won) == 1
    assert await store.list_signing_keys("oidc") == (made[won.index(True)],)


async def test_keys_are_forgotten_once_their_successor_has_signed_for_long(store: IssuerStore) -> None:
    for number in (1, 2, 3):
        await store.add_signing_key(key(number, NOW + number), 0)
    await store.add_signing_key(key(1, NOW, alg="RS256"), 0)
    assert not await store.add_signing_key(key(3, NOW), NOW * 2)  # nothing is forgotten for nothing
    assert await store.add_signing_key(key(4, NOW + 100), NOW + 3)
    numbers = [(each.alg, each.number) for each in await store.list_signing_keys("oidc")]
    assert numbers == [("ES256", 2), ("ES256", 3), ("ES256", 4), ("RS256", 1)]


async def test_the_private_half_is_sealed_for_its_own_row(store: IssuerStore, tmp_path: Path) -> None:
    await store.add_signing_key(KEY, 0)
    dump = await dump_of(store, tmp_path)
    assert b'{"kid":"first"}' in dump  # it is the right file
    assert b"the private half" not in dump
    assert "the private half" not in repr(KEY)
    await execute(store, "UPDATE issuer_signing_keys SET realm = 'other'")
    with pytest.raises(SealError):
        await store.list_signing_keys("other")


async def test_private_halves_are_sealed_anew_after_a_rotation(
    store: IssuerStore, ring: KeyRing, clock: VirtualClock
) -> None:
    for number in (1, 2, 3):
        await store.add_signing_key(key(number, NOW), 0)
    assert await store.sealed_secrets() == {1: 3}
    newest = ring.rotate(clock.now()).id
    assert [await store.reseal_secrets(2) for _ in range(3)] == [2, 1, 0]
    assert await store.sealed_secrets() == {newest: 3}
    ring.retire(1)
    assert {each.private for each in await store.list_signing_keys("oidc")} == {"the private half"}


async def test_what_a_client_sets_itself_is_kept(store: IssuerStore) -> None:
    plain = await store.add_app(App(realm="oidc", app_id="plain"))
    client = Client(pkce=False, id_token_signed_response_alg="RS256")
    own = await store.add_app(App(realm="oidc", app_id="own", client=client))
    assert plain is not None
    assert own is not None
    assert (plain.client, own.client) == (Client(), client)
    assert await store.change_app(plain, msgspec.structs.replace(plain, client=client))
    assert {app.client for app in await store.list_apps("oidc")} == {client}
    found = await store.read_app(own.id)
    assert found == own
