"""Hashes of passwords are sealed with the key ring: a stolen store has nothing to crack."""

from pathlib import Path

import pytest

from lingpai.core.errors import Kind
from lingpai.core.keyring import KeyRing
from lingpai.core.seals import SealError
from lingpai.issuer import admin
from lingpai.issuer.verbs.login import login
from lingpai.store.issuer_port import IssuerStore
from tests.issuer.engines import dump_of, execute, rows_of
from tests.issuer.harness import Harness, raises

HERE = "198.51.100.7"
RIGHT = "correct horse"
KEPT = "SELECT login, password_hash, password_sealed FROM issuer_users ORDER BY id"


async def clear(harness: Harness) -> str:
    """Let ann's hash be as a release before wrote it; returns it."""
    found = await harness.issuer.store.find_login("yzb", "ann")
    assert found is not None
    await execute(
        harness.issuer.store,
        f"UPDATE issuer_users SET password_hash = '{found[1]}', password_sealed = NULL WHERE login = 'ann'",
    )
    return found[1]


@pytest.mark.threat("F58")
async def test_a_dump_of_the_store_has_no_hash(harness: Harness, store: IssuerStore, tmp_path: Path) -> None:
    await admin.set_password(harness.issuer, harness.user, "another password")
    await admin.add_user(harness.issuer, "bob", RIGHT)
    await admin.add_user(harness.issuer, "no password", "")
    assert b"argon2" not in await dump_of(store, tmp_path)
    kept = await rows_of(store, KEPT)
    assert [(name, clear, sealed is None) for name, clear, sealed in kept] == [
        ("ann", "", False),
        ("bob", "", False),
        ("no password", "", True),
    ]
    await login(harness.issuer, "ann", "another password", HERE)
    await login(harness.issuer, "bob", RIGHT, HERE)


@pytest.mark.threat("F58")
async def test_a_hash_in_clear_stays_good_and_is_sealed_at_the_next_login(
    harness: Harness, store: IssuerStore
) -> None:
    await clear(harness)
    with raises(Kind.LOGIN_FAILED):
        await login(harness.issuer, "ann", "wrong", HERE)
    assert (await rows_of(store, KEPT))[0][1].startswith("$argon2id$")
    await login(harness.issuer, "ann", RIGHT, HERE)
    ((_, kept, sealed),) = await rows_of(store, KEPT)
    assert (kept, sealed is None) == ("", False)
    await login(harness.issuer, "ann", RIGHT, HERE)


@pytest.mark.threat("F58")
async def test_what_a_release_before_set_in_clear_counts(harness: Harness, store: IssuerStore) -> None:
    """During a rolling upgrade, it leaves the sealed hash beside its own."""
    old = await harness.issuer.passwords.hash("set by the release before")
    await execute(store, f"UPDATE issuer_users SET password_hash = '{old}' WHERE login = 'ann'")
    with raises(Kind.LOGIN_FAILED):
        await login(harness.issuer, "ann", RIGHT, HERE)
    await login(harness.issuer, "ann", "set by the release before", HERE)
    assert (await rows_of(store, KEPT))[0][1] == ""
    await login(harness.issuer, "ann", "set by the release before", HERE)


@pytest.mark.threat("F58")
async def test_resealing_seals_what_was_clear_and_what_older_keys_sealed(
    harness: Harness, store: IssuerStore, ring: KeyRing
) -> None:
    await clear(harness)
    await admin.add_user(harness.issuer, "bob", RIGHT)
    first = ring.newest.id
    assert await store.sealed_secrets() == {first: 1}
    second = ring.rotate(0.0).id
    done = 0
    while more := await store.reseal_secrets(1):
        done += more
    assert (done, await store.sealed_secrets()) == (2, {second: 2})
    ring.retire(first)
    for name in ("ann", "bob"):
        await login(harness.issuer, name, RIGHT, HERE)


@pytest.mark.threat("F58")
async def test_a_hash_that_was_moved_to_another_user_does_not_open(
    harness: Harness, store: IssuerStore
) -> None:
    bob = await admin.add_user(harness.issuer, "bob", "the password of bob")
    await execute(
        store,
        "UPDATE issuer_users SET password_sealed = (SELECT password_sealed FROM issuer_users AS other "
        f"WHERE other.login = 'ann') WHERE id = {bob.id}",
    )
    with pytest.raises(SealError):
        await login(harness.issuer, "bob", RIGHT, HERE)
