"""Passwords in the store: replaced by who knows the one before, and imported with their users, all or none."""

import asyncio

from lingpai.core.authorization_records import Session
from lingpai.core.user_records import Profile, User
from lingpai.store.issuer_port import IssuerStore

NOW = 1_000_000


def user(login: str, **over: str) -> User:
    return User(realm="mall", login=login, profile=Profile(**over), created_at=NOW)


async def hash_of(store: IssuerStore, login: str) -> str:
    found = await store.find_login("mall", login)
    assert found is not None
    return found[1]


async def session(store: IssuerStore, of: User) -> Session:
    begun = await store.add_session(
        Session(realm="mall", user=of.id, salt=1, created_at=NOW, ends_at=NOW + 9)
    )
    assert begun is not None
    return begun


async def test_a_hash_is_replaced_while_it_is_the_known_one(store: IssuerStore) -> None:
    ann = await store.add_user(user("ann"), "old")
    assert ann is not None
    begun = await session(store, ann)
    assert not await store.replace_password(ann.id, "other", "new", ended_at=NOW)
    assert not await store.replace_password(ann.id + 1, "old", "new", ended_at=NOW)
    assert await store.read_session(begun.id) is not None
    assert await store.replace_password(ann.id, "old", "new", ended_at=None)
    assert await store.read_session(begun.id) is not None
    assert await store.replace_password(ann.id, "new", "newer", ended_at=NOW)
    assert await store.read_session(begun.id) is None
    assert await hash_of(store, "ann") == "newer"
    disabled = User(id=ann.id, realm="mall", login="ann", disabled=True, created_at=NOW)
    assert await store.change_user(ann, disabled, NOW)
    assert not await store.replace_password(ann.id, "newer", "newest", ended_at=None)


async def test_of_many_who_replace_a_hash_one_does(store: IssuerStore) -> None:
    ann = await store.add_user(user("ann"), "")  # a user without a password has the hash ""
    assert ann is not None
    done = await asyncio.gather(
        *(store.replace_password(ann.id, "", f"hash {number}", ended_at=NOW) for number in range(6))
    )
    assert done.count(True) == 1
    assert await hash_of(store, "ann") == f"hash {done.index(True)}"


async def test_all_sessions_of_a_user_end(store: IssuerStore) -> None:
    ann, bob = await store.add_user(user("ann"), ""), await store.add_user(user("bob"), "")
    assert ann is not None
    assert bob is not None
    begun = [await session(store, each) for each in (ann, ann, bob)]
    assert (await store.end_sessions(ann.id, NOW)).sessions == 2
    assert [await store.read_session(each.id) is not None for each in begun] == [False, False, True]
    assert (await store.end_sessions(ann.id, NOW)).sessions == 0


async def test_users_are_found_by_how_their_names_begin(store: IssuerStore) -> None:
    names = ("Anna", "andy", "bob", "ANNE", "小红", "小明", "an_n", "a%", "annǵ")
    await store.add_users([(user(name), "") for name in names])

    async def found(prefix: str, after: str = "", limit: int = 9) -> list[str]:
        return [each.login for each in await store.find_users("mall", prefix, after, limit)]

    assert await found("ANN") == ["Anna", "ANNE", "annǵ"]
    assert await found("ann", after="anna", limit=1) == ["ANNE"]
    assert await found("小") == ["小明", "小红"]
    assert await found("a%") == ["a%"]
    assert await found("an_") == ["an_n"]
    assert await found("x") == []
    assert len(await found("")) == len(names)
    assert await store.find_users("yzb", "ann", "", 9) == ()


async def test_users_are_added_together_with_their_hashes(store: IssuerStore) -> None:
    assert await store.add_users([]) == ()
    new = [(user("ann", nick="Ann"), "hash of ann"), (user("bob"), ""), (user("小红"), "hash of 小红")]
    assert await store.add_users(new) == ()
    assert [each.login for each in await store.list_users("mall", 0, 9)] == ["ann", "bob", "小红"]
    assert [await hash_of(store, login) for login in ("ann", "bob", "小红")] == [
        "hash of ann",
        "",
        "hash of 小红",
    ]
    found = await store.find_login("mall", "ANN")
    assert found is not None
    assert found[0].profile.nick == "Ann"


async def test_none_is_added_when_one_is_taken_in_any_spelling(store: IssuerStore) -> None:
    await store.add_user(user("ann"), "")
    await store.add_user(User(realm="other", login="cay", created_at=NOW), "")
    assert await store.add_users(
        [(user("bob"), ""), (user("ann"), "x"), (user("ＡＮＮ"), "y"), (user("cay"), "")]
    ) == (1, 2)
    assert len(await store.list_users("mall", 0, 9)) == 1


async def test_of_many_who_add_the_same_users_one_does(store: IssuerStore) -> None:
    new = [(user(f"user {number}"), f"hash {number}") for number in range(20)]
    done = await asyncio.gather(*(store.add_users(new) for _ in range(4)))
    assert sorted(map(len, done)) == [0, 20, 20, 20]
    assert len(await store.list_users("mall", 0, 99)) == 20
