"""Login names in any spelling, passwords in any composition, and what cannot be stored."""

import re
import unicodedata
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

import lingpai.store
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.user_records import Profile, User
from lingpai.issuer import admin
from lingpai.issuer.administration import Known, import_known
from lingpai.issuer.verbs.login import login
from tests.issuer.engines import execute, rows_of
from tests.issuer.harness import Harness, raises

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HERE = "198.51.100.7"
RIGHT = "correct horse"
HIDDEN = ("a\0b", "a\x1b[2J", "a\u200bb", "\u202ea", "a\ufeff", "\ud800", "a\nb", "a\u3164")


@pytest.mark.parametrize("typed", ["José", "jose\u0301", " JOSÉ ", "ｊｏｓé", "\u3000josé"])
@pytest.mark.threat("B23")
async def test_a_user_logs_in_by_any_spelling(harness: Harness, typed: str) -> None:
    user = await admin.add_user(harness.issuer, " Jose\u0301 ", RIGHT)
    assert user.login == "José"
    opened = await login(harness.issuer, typed, RIGHT, HERE)
    assert opened.user is not None
    assert opened.user.id == user.id
    with raises(Kind.INVALID_PARAMETER):
        await admin.add_user(harness.issuer, typed, RIGHT)
    assert (await admin.find_user(harness.issuer, typed)).id == user.id


@pytest.mark.threat("B23")
async def test_a_login_is_renamed_to_no_spelling_of_anothers(harness: Harness) -> None:
    bob = await admin.add_user(harness.issuer, "Bob", RIGHT)
    with raises(Kind.INVALID_PARAMETER):
        await admin.change_user(harness.issuer, harness.user, login="BOB")
    assert (await admin.change_user(harness.issuer, bob, login="BOB")).login == "BOB"
    assert (await admin.change_user(harness.issuer, bob, login="rob")).login == "rob"
    with raises(Kind.NOT_FOUND):
        await admin.find_user(harness.issuer, "bob")
    assert (await admin.find_user(harness.issuer, "ROB")).id == bob.id


@pytest.mark.threat("B23")
async def test_twins_of_an_earlier_release_each_log_in_as_before(harness: Harness) -> None:
    issuer, store = harness.issuer, harness.issuer.store
    passwords = {"Ａｎｎ": "password of full width", "ANN": "password of capitals", "Zoé": "password of zoé"}
    for number, (name, password) in enumerate(passwords.items()):
        user = await admin.add_user(issuer, f"user-{number}", password)
        await execute(
            store, f"UPDATE issuer_users SET login = '{name}', login_key = NULL WHERE id = {user.id}"
        )
    assert await store.list_twins(10) == ()
    assert await store.key_logins(2) == 2
    assert await store.key_logins(2) == 1
    assert await store.key_logins(2) == 0
    assert sorted(await store.list_twins(10)) == [("yzb", "ANN"), ("yzb", "Ａｎｎ")]
    for name, password in (passwords | {"ann": RIGHT, "Ann": RIGHT, "zoe\u0301": "password of zoé"}).items():
        opened = await login(issuer, name, password, HERE)
        assert opened.user is not None
    with raises(Kind.LOGIN_FAILED):
        await login(issuer, "ANN", RIGHT, HERE)


@pytest.mark.threat("B23")
async def test_failures_of_all_spellings_count_together(harness: Harness) -> None:
    for typed in ("ann", "ANN", " ann", "ａｎｎ", "Ann") * 2:
        with raises(Kind.LOGIN_FAILED):
            await login(harness.issuer, typed, "wrong", HERE)
    with raises(Kind.TOO_MANY_REQUESTS):
        await login(harness.issuer, "aNN", RIGHT, HERE)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.threat("B23")
async def test_a_password_is_the_same_however_it_is_composed(harness: Harness, form: str) -> None:
    password = "Zoë's ｆｕｌｌ pässwörd"
    await admin.set_password(harness.issuer, harness.user, password)
    await login(harness.issuer, "ann", unicodedata.normalize(form, password), HERE)  # type: ignore[arg-type]


@pytest.mark.threat("B23")
async def test_a_password_that_was_hashed_as_it_was_typed_stays_good(harness: Harness) -> None:
    typed = unicodedata.normalize("NFD", "Zoë's pässwörd")
    old = harness.issuer.passwords._hasher.hash(typed.encode())
    await harness.issuer.store.set_password(harness.user.id, old, harness.issuer.now())
    await login(harness.issuer, "ann", typed, HERE)
    with raises(Kind.LOGIN_FAILED):
        await login(harness.issuer, "ann", unicodedata.normalize("NFC", typed), HERE)


@pytest.mark.threat("B23")
async def test_a_short_password_is_refused_and_what_is_set_stays(harness: Harness) -> None:
    for short in ("x", "1234567", "ｆｆｆｆ", "ﾞ" * 7):
        for change in (
            admin.set_password(harness.issuer, harness.user, short),
            admin.add_user(harness.issuer, "bob", short),
        ):
            with raises(Kind.INVALID_PARAMETER):
                await change
    await admin.set_password(harness.issuer, harness.user, "12345678")
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, least_password=15)
    await login(harness.issuer, "ann", "12345678", HERE)
    with pytest.raises(LingpaiError, match="15 characters at least"):
        await admin.set_password(harness.issuer, harness.user, "12345678")
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, least_password=1)
    await admin.set_password(harness.issuer, harness.user, "x")
    await login(harness.issuer, "ann", "x", HERE)


@pytest.mark.parametrize("odd", HIDDEN)
@pytest.mark.threat("B23")
async def test_what_cannot_be_seen_is_stored_nowhere(harness: Harness, odd: str) -> None:
    issuer = harness.issuer
    app = App(realm="yzb", app_id="odd")
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: admin.add_user(issuer, odd, RIGHT),
        lambda: admin.add_user(issuer, "bob", RIGHT, Profile(nick=odd)),
        lambda: admin.add_user(issuer, "bob", RIGHT, Profile(seller_name=odd)),
        lambda: admin.change_user(issuer, harness.user, login=odd),
        lambda: admin.change_user(issuer, harness.user, profile=Profile(avatar=odd)),
        lambda: admin.save_terminal(issuer, odd),
        lambda: admin.save_terminal(issuer, "m", name=odd),
        lambda: admin.save_terminal(issuer, "m", msign=odd),
        lambda: import_known(issuer, [Known(harness.app.app_id, odd, "open")], add_users=True),
        lambda: import_known(issuer, [Known(odd, "ann", "open")]),
        *(
            partial(admin.add_app, issuer, msgspec.structs.replace(app, **{field: value}))
            for field, value in (
                *(("app_id", odd), ("name", odd), ("owner", odd), ("domains", (odd,))),
                *(("networks", (odd,)), ("grants", (odd,)), ("scopes", (odd,)), ("permissions", (odd,))),
            )
        ),
        lambda: admin.declare_app(issuer, msgspec.structs.replace(app, name=odd), "secret"),
        lambda: admin.change_app(issuer, harness.app, name=odd),
    ]
    for change in changes:
        with raises(Kind.INVALID_PARAMETER):
            await change()
    with raises(Kind.INVALID_OPEN_ID):
        await import_known(issuer, [Known(harness.app.app_id, "ann", odd)])
    assert await rows_of(issuer.store, "SELECT login FROM issuer_users") == [("ann",)]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("x" * 128, True), ("x" * 129, False), ("", False), (" \u3000", False), ("小 明", True)],
)
@pytest.mark.threat("B23")
async def test_how_long_a_login_name_is(harness: Harness, name: str, kept: bool) -> None:
    if kept:
        assert (await admin.add_user(harness.issuer, name, "")).login == name
    else:
        with raises(Kind.INVALID_PARAMETER):
            await admin.add_user(harness.issuer, name, "")


@pytest.mark.threat("B23")
async def test_an_import_finds_users_by_any_spelling_and_adds_each_once(harness: Harness) -> None:
    app_id = harness.app.app_id
    rows = [Known(app_id, " ANN", "of-ann"), Known(app_id, "Dave", "of-dave")]
    rows += [Known(harness.other.app_id, "ｄａｖｅ", "of-dave-there")]
    assert await import_known(harness.issuer, rows, add_users=True) == (3, 1)
    assert (await admin.find_user(harness.issuer, "DAVE")).login == "Dave"
    with pytest.raises(LingpaiError) as refused:
        await import_known(harness.issuer, [Known(app_id, "no\u202ebody", "x")], add_users=True)
    assert refused.value.detail == r"no\u202ebody"


async def test_a_user_record_says_nothing_of_keys() -> None:
    assert "login_key" not in User.__struct_fields__


@pytest.mark.threat("B23")
async def test_the_migration_gives_keys_to_names_of_ascii_and_to_one_of_twins(
    harness: Harness, engine_name: str
) -> None:
    store = harness.issuer.store
    users = {name: await admin.add_user(harness.issuer, f"user-{n}", "") for n, name in enumerate(NAMES)}
    for name, user in users.items():
        await execute(
            store, f"UPDATE issuer_users SET login = '{name}', login_key = NULL WHERE id = {user.id}"
        )
    (migration,) = (Path(lingpai.store.__file__).parent / engine_name / "migrations").glob("*_logins.sql")
    update = re.search(r"UPDATE issuer_users.*?;", migration.read_text("utf-8"), re.DOTALL)
    assert update is not None
    await execute(store, update[0].replace("$1", "0").replace("$2", "1000"))  # PostgreSQL goes in batches
    keys = dict(await rows_of(store, "SELECT login, login_key FROM issuer_users WHERE login <> 'ann'"))
    assert keys == NAMES
    assert await store.key_logins(10) == 1
    assert sorted(login for _, login in await store.list_twins(10)) == ["ANN", "Bob", "CARL"]
    assert (await admin.find_user(harness.issuer, "ZOÉ")).id == users["Zoé"].id


NAMES: dict[str, str | None] = {
    "ANN": " ANN",  # beside the harness's ann
    "Bob": " Bob",
    "bob": "bob",
    "Carl": "carl",  # the older of two
    "CARL": " CARL",
    "Dan ": "dan",
    "Zoé": None,  # for the service
}
"""Logins of a release before, and their keys after the migration."""
