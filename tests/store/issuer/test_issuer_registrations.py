"""Apps that register themselves, and the tokens with which they may, in the store."""

import msgspec

from lingpai.core.handles import LEAST_SALT
from lingpai.core.issuer_records import FOREVER, App, Client, Member, Registration, Secret
from lingpai.core.registration_records import InitialToken
from lingpai.issuer.verbs.upkeep import KEEP_ENDED
from lingpai.store.issuer_port import IssuerStore
from tests.issuer.engines import rows_of

NOW = 1_700_000_000
SALT = LEAST_SALT + 7
TOKEN = InitialToken(
    realm="r", name="ops", scopes=("a", "b"), uses=2, salt=SALT, created_at=NOW, ends_at=NOW + 60
)
APP = App(
    realm="r",
    app_id="https://client.example/" + "x" * 489,
    secrets=(Secret(b"0123456789abcdef"),),
    client=Client(contacts=("ops@client.example",), subject_type="pairwise"),
    registration=Registration(SALT, open=True, scopes=("a",)),
    created_at=NOW,
)


def named(name: str, **over: object) -> App:
    return msgspec.structs.replace(APP, app_id=name, **over)


async def added_token(store: IssuerStore, **over: object) -> InitialToken:
    return await store.add_initial_token(msgspec.structs.replace(TOKEN, **over))


async def test_initial_tokens_are_kept_listed_and_removed(store: IssuerStore) -> None:
    first, second = await added_token(store), await added_token(store, uses=None, scopes=(), ends_at=FOREVER)
    other = await added_token(store, realm="q")
    assert first == msgspec.structs.replace(TOKEN, id=first.id)
    assert len({first.id, second.id, other.id}) == 3
    assert await store.list_initial_tokens("r") == (first, second)
    assert await store.read_initial_token(second.id) == second
    assert await store.read_initial_token(other.id + 1) is None
    assert not await store.remove_initial_token("q", first.id)
    assert [await store.remove_initial_token("r", first.id) for _ in range(2)] == [True, False]
    assert await store.list_initial_tokens("r") == (second,)
    assert str(SALT) not in repr(second)


async def test_an_app_is_kept_with_all_that_it_says(store: IssuerStore) -> None:
    added = await store.register_app(APP, NOW, unused_until=NOW + 9)
    assert added is not None
    assert added == msgspec.structs.replace(APP, id=added.id)
    assert await store.find_app("r", APP.app_id) == added
    assert await store.register_app(APP, NOW) is None
    adopted = msgspec.structs.replace(added, registration=None)
    assert await store.change_app(added, adopted)
    assert await store.read_app(added.id) == adopted


async def test_a_token_is_good_for_its_uses_and_its_time(store: IssuerStore) -> None:
    token = await added_token(store)
    assert await store.register_app(named("1"), NOW + 59, initial=token) is not None
    taken = await store.register_app(named("1"), NOW + 59, initial=token)
    late = await store.register_app(named("2"), NOW + 60, initial=token)
    forged = await store.register_app(named("2"), NOW, initial=msgspec.structs.replace(token, salt=SALT + 1))
    assert (taken, late, forged) == (None, None, None)
    assert await store.read_initial_token(token.id) == msgspec.structs.replace(token, uses=1)
    assert await store.register_app(named("2"), NOW + 5, initial=token) is not None
    assert await store.read_initial_token(token.id) == msgspec.structs.replace(token, uses=0, ends_at=NOW + 5)
    assert await store.register_app(named("3"), NOW + 5, initial=token) is None
    assert [app.app_id for app in await store.list_apps("r")] == ["1", "2"]


async def test_a_token_for_any_number_stays(store: IssuerStore) -> None:
    token = await added_token(store, uses=None)
    for name in "123":
        assert await store.register_app(named(name), NOW, initial=token) is not None
    assert await store.read_initial_token(token.id) == token


async def test_tokens_that_ended_are_purged(store: IssuerStore) -> None:
    used, live = await added_token(store, uses=1), await added_token(store, ends_at=FOREVER)
    assert await store.register_app(APP, NOW, initial=used) is not None
    assert await store.purge_issuer(NOW, 100) == 0
    assert await store.purge_issuer(NOW + 1, 100) == 1
    assert await store.list_initial_tokens("r") == (live,)


async def test_only_the_app_that_was_read_is_removed(store: IssuerStore) -> None:
    added = await store.register_app(APP, NOW)
    assert added is not None
    other = msgspec.structs.replace(added, registration=Registration(SALT + 1, open=True))
    plain = msgspec.structs.replace(added, registration=None)
    assert [await store.remove_registered_app(app) for app in (other, plain)] == [False, False]
    assert [await store.remove_registered_app(added) for _ in range(2)] == [True, False]
    assert await rows_of(store, "SELECT count(*) FROM issuer_secrets") == [(0,)]


async def test_apps_that_nobody_used_go_and_the_others_are_looked_at_once(store: IssuerStore) -> None:
    apps = {
        name: await store.register_app(named(name), NOW, unused_until=NOW + 9) for name in ("a", "b", "c")
    }
    operators = await store.add_app(named("d", registration=None))
    used, adopted = apps["b"], apps["c"]
    assert used is not None
    assert adopted is not None
    assert operators is not None
    member = Member(app=used.id, user=5, open_id="o", created_at=NOW)
    await store.open_member(member, "")
    assert [await store.has_members(app.id) for app in (used, adopted)] == [True, False]
    assert await store.change_app(adopted, msgspec.structs.replace(adopted, registration=None))
    assert await store.remove_unused_apps(NOW + 9, 100) == 0
    assert [await store.remove_unused_apps(NOW + 10, 2) for _ in range(3)] == [2, 1, 0]
    assert [app.app_id for app in await store.list_apps("r")] == ["b", "c", "d"]
    assert await store.remove_unused_apps(NOW + KEEP_ENDED * 10**6, 100) == 0
