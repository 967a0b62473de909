"""Logins elsewhere, in the store: keys that turn, answers that count once, one user for each identity."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.core.identity_records import AnsweredLogin, Identity, LoginKey
from lingpai.core.keyring import KeyRing
from lingpai.core.seals import SealError
from lingpai.core.user_records import Profile, User
from lingpai.store.issuer_port import IssuerStore
from tests.issuer.engines import dump_of, execute, rows_of
from tests.issuer.harness import raises

NOW = 1_000_000
KEY = LoginKey(realm="mall", number=1, key="6b" * 32, created_at=NOW)
SUBJECT = "the shop's id 7"
ANN = Identity(realm="mall", provider="login", digest=b"digest of 7", subject=SUBJECT, linked_at=NOW)
USER = User(realm="mall", login="7", profile=Profile(nick="Ann"), created_at=NOW)


def key(number: int, **over: int) -> LoginKey:
    return msgspec.structs.replace(KEY, number=number, **over)


def identity(number: int) -> Identity:
    return msgspec.structs.replace(ANN, digest=b"digest %d" % number, subject=str(number))


async def numbers(store: IssuerStore) -> list[int]:
    return [each.number for each in await store.list_login_keys("mall")]


async def test_a_new_key_leaves_the_one_that_is_kept_and_no_other(store: IssuerStore) -> None:
    assert await store.add_login_key(KEY, None)
    assert await store.list_login_keys("mall") == (KEY,)
    assert await store.list_login_keys("other") == ()
    assert await store.add_login_key(key(2), 1)
    assert await numbers(store) == [1, 2]
    assert await store.add_login_key(key(3), 1)
    assert await numbers(store) == [1, 3]
    assert not await store.add_login_key(key(2), None)  # numbers grow
    assert await numbers(store) == [1, 3]
    assert await store.add_login_key(key(4), None)
    assert await numbers(store) == [4]


async def test_one_of_all_who_make_a_key_makes_it(store: IssuerStore) -> None:
    made = [msgspec.structs.replace(KEY, key=f"{number:064x}") for number in range(6)]
    won = await asyncio.gather(*(store.add_login_key(each, None) for each in made))
    assert won.count(True) == 1
    assert await store.list_login_keys("mall") == (made[won.index(True)],)


async def test_the_first_answer_with_a_key_is_noted(store: IssuerStore) -> None:
    await store.add_login_key(KEY, None)
    await store.use_login_key("mall", 1, NOW + 5)
    await store.use_login_key("mall", 1, NOW + 9)
    await store.use_login_key("mall", 2, NOW + 9)  # there is none
    assert await store.list_login_keys("mall") == (key(1, used_at=NOW + 5),)


async def test_one_subject_answers_a_challenge_however_often(store: IssuerStore) -> None:
    answer = AnsweredLogin(digest=b"challenge", subject=b"ann", ends_at=NOW + 60)
    assert await store.answer_login(answer)
    assert await store.answer_login(answer)
    assert not await store.answer_login(msgspec.structs.replace(answer, subject=b"bob"))
    assert await store.answer_login(msgspec.structs.replace(answer, digest=b"other", subject=b"bob"))


async def test_of_two_subjects_at_once_one_answers(store: IssuerStore) -> None:
    for round_number in range(10):
        digest = b"challenge %d" % round_number
        answers = [AnsweredLogin(digest=digest, subject=who, ends_at=NOW) for who in (b"ann", b"bob") * 3]
        taken = await asyncio.gather(*map(store.answer_login, answers))
        assert taken in ([True, False] * 3, [False, True] * 3)


async def test_answers_are_purged_at_their_end(store: IssuerStore) -> None:
    for number in range(3):
        await store.answer_login(AnsweredLogin(digest=b"%d" % number, subject=b"", ends_at=NOW + number))
    assert await store.purge_issuer(NOW + 2, 100) == 2
    assert len(await rows_of(store, "SELECT digest FROM issuer_logins")) == 1


async def test_a_user_is_made_at_the_first_login_and_found_at_the_next(store: IssuerStore) -> None:
    assert await store.find_identity(ANN) is None
    user = await store.open_identity(ANN, USER, "spare", NOW)
    assert (user.login, user.profile.nick, user.disabled) == ("7", "Ann", False)
    again = msgspec.structs.replace(USER, login="8", profile=Profile())
    assert await store.open_identity(ANN, again, "spare", NOW + 9) == user
    assert await store.find_identity(ANN) == user
    rows = await rows_of(store, "SELECT linked_at, last_used FROM issuer_identities")
    assert rows == [(NOW, NOW + 9)]


async def test_a_user_of_exactly_that_name_is_linked_once(store: IssuerStore) -> None:
    known = await store.add_user(USER, "a hash")
    assert known is not None
    assert await store.open_identity(ANN, USER, "spare", NOW) == known
    second = await store.open_identity(identity(8), USER, "spare", NOW)
    assert (second.id, second.login) != (known.id, known.login)
    assert second.login == "spare"


@pytest.mark.parametrize("login", ["ANN", ""])
async def test_who_is_spelled_otherwise_is_somebody_else(store: IssuerStore, login: str) -> None:
    known = await store.add_user(msgspec.structs.replace(USER, login="ann"), "")
    made = await store.open_identity(ANN, msgspec.structs.replace(USER, login=login), "spare", NOW)
    assert known is not None
    assert made.id != known.id
    assert made.login == "spare"


async def test_no_user_is_made_when_both_names_are_taken(store: IssuerStore) -> None:
    for login in ("7", "spare"):
        await store.open_identity(identity(len(login)), msgspec.structs.replace(USER, login=login), "", NOW)
    with raises(Kind.INVALID_PARAMETER):
        await store.open_identity(ANN, USER, "spare", NOW)
    assert await store.find_identity(ANN) is None
    assert (await store.open_identity(ANN, USER, "another", NOW)).login == "another"


async def test_many_first_logins_of_one_subject_make_one_user(store: IssuerStore) -> None:
    for number in range(10):
        each = identity(number)
        given = msgspec.structs.replace(USER, login=each.subject)
        opened = await asyncio.gather(*(store.open_identity(each, given, f"s{n}", NOW) for n in range(6)))
        assert len({user.id for user in opened}) == 1
    assert len(await store.list_users("mall", 0, 100)) == 10


async def test_many_subjects_at_once_do_not_share_a_user(store: IssuerStore) -> None:
    await store.add_user(USER, "a hash")
    opened = await asyncio.gather(
        *(store.open_identity(identity(number), USER, f"spare {number}", NOW) for number in range(6))
    )
    assert len({user.id for user in opened}) == 6
    assert [user.login for user in opened].count("7") == 1


async def test_who_was_removed_is_somebody_new_at_the_next_login(store: IssuerStore) -> None:
    user = await store.open_identity(ANN, USER, "spare", NOW)
    assert await store.remove_user(user.id, NOW)
    assert await rows_of(store, "SELECT digest FROM issuer_identities") == []
    again = await store.open_identity(ANN, USER, "spare", NOW)
    assert again.id != user.id
    await execute(store, "DELETE FROM issuer_users")  # as the release before does, which leaves the identity
    assert await store.find_identity(ANN) is None
    third = await store.open_identity(ANN, USER, "spare", NOW)
    assert await store.find_identity(ANN) == third


async def test_neither_key_nor_subject_is_in_a_stolen_store(
    store: IssuerStore, ring: KeyRing, clock: VirtualClock, tmp_path: Path
) -> None:
    await store.add_login_key(KEY, None)
    await store.open_identity(ANN, msgspec.structs.replace(USER, login=""), "spare", NOW)
    dump = await dump_of(store, tmp_path)
    for secret in (KEY.key, SUBJECT):
        assert secret.encode() not in dump
    assert "6b6b" not in repr(KEY)
    await execute(store, "UPDATE issuer_login_keys SET realm = 'other'")
    with pytest.raises(SealError):
        await store.list_login_keys("other")


async def test_keys_and_subjects_are_sealed_anew(
    store: IssuerStore, ring: KeyRing, clock: VirtualClock
) -> None:
    await store.add_login_key(KEY, None)
    for number in range(3):
        await store.open_identity(identity(number), USER, f"spare {number}", NOW)
    old = ring.newest.id
    assert await store.sealed_secrets() == {old: 4}
    ring.rotate(clock.now())
    assert [await store.reseal_secrets(3), await store.reseal_secrets(3), await store.reseal_secrets(3)] == [
        3,
        1,
        0,
    ]
    assert await store.sealed_secrets() == {ring.newest.id: 4}
    assert await store.list_login_keys("mall") == (KEY,)
