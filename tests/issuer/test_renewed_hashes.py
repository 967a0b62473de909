"""Who logs in with a hash of another system's gets one of ours, and nobody is refused meanwhile."""

import asyncio

import bcrypt
import pytest

from lingpai.core.errors import Kind
from lingpai.issuer import admin
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.verbs.login import login, prove
from lingpai.issuer.verbs.passwords import change_password, make_reset_link, open_reset_link, reset_password
from lingpai.issuer.verbs.sessions import read_session
from tests.issuer.harness import Harness, raises

HASHED = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()
HERE = "192.0.2.1"


@pytest.fixture
async def imported(harness: Harness) -> Harness:
    await admin.add_user(harness.issuer, "bob", "", password_hash=HASHED)
    return harness


async def hash_of(harness: Harness, name: str) -> str:
    found = await harness.issuer.store.find_login(harness.issuer.realm, name)
    assert found is not None
    return found[1]


async def test_the_hash_is_ours_after_the_first_login(imported: Harness) -> None:
    with raises(Kind.LOGIN_FAILED):
        await login(imported.issuer, "bob", "wrong", HERE)
    assert await hash_of(imported, "bob") == HASHED
    opened = await login(imported.issuer, "bob", "correct horse", HERE)
    ours = await hash_of(imported, "bob")
    assert ours.startswith("$argon2id$")
    assert await read_session(imported.issuer, opened.handle) is not None
    await login(imported.issuer, "bob", "correct horse", HERE)
    assert await hash_of(imported, "bob") == ours


async def test_logins_at_once_all_succeed(imported: Harness) -> None:
    opened = await asyncio.gather(*(login(imported.issuer, "bob", "correct horse", HERE) for _ in range(5)))
    assert len({each.session.id for each in opened}) == 5


async def test_a_login_whose_hash_was_renewed_in_between_goes_on(
    imported: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = imported.issuer.store
    add_session = store.add_session
    tries = []

    async def renewed_first(*given: object) -> object:
        tries.append(given)
        if len(tries) == 1:
            bob = await admin.find_user(imported.issuer, "bob")
            ours = await imported.issuer.passwords.hash("correct horse")
            assert await store.replace_password(bob.id, HASHED, ours, ended_at=None)
        return await add_session(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "add_session", renewed_first)
    assert (await login(imported.issuer, "bob", "correct horse", HERE)).user.login == "bob"
    assert len(tries) == 2


async def test_a_login_whose_password_was_replaced_in_between_is_refused(
    imported: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = imported.issuer.store
    add_session = store.add_session

    async def replaced_first(*given: object) -> object:
        bob = await admin.find_user(imported.issuer, "bob")
        await admin.set_password(imported.issuer, bob, "another one")
        return await add_session(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "add_session", replaced_first)
    with raises(Kind.LOGIN_FAILED):
        await login(imported.issuer, "bob", "correct horse", HERE)


async def test_a_hash_that_does_not_do_is_not_stored(harness: Harness) -> None:
    for text in ("plain text", "$2b$31$" + "a" * 53):
        with raises(Kind.INVALID_PARAMETER):
            await admin.add_user(harness.issuer, "bob", "", password_hash=text)


@pytest.mark.threat("M135")
async def test_a_link_sets_a_password_once(harness: Harness) -> None:
    issuer = harness.issuer
    bob = await admin.add_user(issuer, "bob", "")
    links = [await make_reset_link(issuer, bob) for _ in range(2)]
    with raises(Kind.INVALID_PARAMETER):
        await reset_password(issuer, links[0], "short")
    done = await asyncio.gather(
        *(reset_password(issuer, links[0], f"password {number}") for number in range(4)),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, BaseException) for each in done) == 1
    for link in (*links, "", "x", links[0][:-1], "é"):
        with raises(Kind.INVALID_AUTHORIZATION):
            await open_reset_link(issuer, link)


@pytest.mark.threat("M135")
async def test_a_link_ends_with_its_time_its_password_and_its_user(harness: Harness) -> None:
    issuer = harness.issuer
    ann = harness.user
    old = await make_reset_link(issuer, ann)
    issuer.clock.advance(900)  # type: ignore[attr-defined]  # a virtual clock
    with raises(Kind.INVALID_AUTHORIZATION):
        await open_reset_link(issuer, old)
    link = await make_reset_link(issuer, ann)
    assert (await open_reset_link(issuer, link))[0] == ann
    await admin.disable_user(issuer, ann)
    with raises(Kind.INVALID_AUTHORIZATION):
        await open_reset_link(issuer, link)
    await admin.disable_user(issuer, ann, disabled=False)
    await admin.set_password(issuer, ann, "another one")
    with raises(Kind.INVALID_AUTHORIZATION):
        await open_reset_link(issuer, link)
    link = await make_reset_link(issuer, ann)
    await issuer.store.remove_user(ann.id, issuer.now())
    with raises(Kind.INVALID_AUTHORIZATION):
        await open_reset_link(issuer, link)


async def test_who_changes_a_password_has_the_only_session(harness: Harness) -> None:
    issuer = harness.issuer
    before = await login(issuer, "ann", "correct horse", HERE)
    proof = await prove(issuer, "ann", "correct horse", HERE)
    opened = await change_password(issuer, proof, "another one")
    assert await read_session(issuer, before.handle) is None
    assert await read_session(issuer, opened.handle) is not None
    with raises(Kind.LOGIN_FAILED):  # the same proof again
        await change_password(issuer, proof, "a third one")
    with raises(Kind.LOGIN_FAILED):
        await login(issuer, "ann", "correct horse", HERE)


@pytest.mark.usefixtures("real_costs")
async def test_a_hash_costs_what_is_recommended_where_memory_is_scarce() -> None:
    """RFC 9106 section 4, the second choice: three passes over 64 MiB in four lanes."""
    assert (await Passwords().hash("correct horse")).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
