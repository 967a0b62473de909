import pytest

from lingpai.issuer import admin
from lingpai.issuer.dialects.yzb.policy import SCOPE, USER_INFO
from lingpai.issuer.verbs.members import consent, open_member, withdraw_consent
from tests.issuer.dialects.yzb.realms import Answer, Realm

USER_CALLS = ("getUserBaseInfo", "getAppAccess", "getAppIsAdded")
INVALID_SERVER = ("4102", "server_access_token is invalid")


async def ask(realm: Realm, call: str, token: str, **over: str) -> Answer:
    given = {"app_id": realm.app.app_id, "open_id": realm.member.open_id, "access_token": token}
    return await realm.post(f"/UserResource/{call}", given | over)


async def page(realm: Realm, token: str, **over: int) -> list[dict[str, str]]:
    given = {"app_id": realm.app.app_id, "access_token": token}
    found: list[dict[str, str]] = (await realm.post("/CommonResource/getUserList", given | over)).data
    return found


@pytest.mark.parametrize("call", USER_CALLS)
async def test_only_a_server_token_of_the_app_opens_them(realm: Realm, call: str) -> None:
    tokens = (await realm.exchange(await realm.code())).data
    foreign = (await realm.server(app_id=realm.other.app_id)).data["access_token"]
    for token in (tokens["access_token"], tokens["refresh_token"], foreign, "0" * 64):
        assert (await ask(realm, call, token)).refusal == INVALID_SERVER
    assert (await ask(realm, call, await realm.server_token())).data


@pytest.mark.parametrize("call", USER_CALLS)
async def test_checks_come_in_order(realm: Realm, call: str) -> None:
    token = await realm.server_token()
    assert (await ask(realm, call, "", app_id="9")).refusal == ("4101", "parameter access_token is missing")
    assert (await ask(realm, call, "bad", app_id="9")).refusal[0] == "4000"
    assert (await ask(realm, call, "bad", open_id="nobody")).refusal == INVALID_SERVER
    assert (await ask(realm, call, token, open_id="nobody")).refusal == (
        "4102",
        "authorization_code is invalid",
    )
    theirs = await open_member(realm.issuer, realm.other, realm.user)
    assert (await ask(realm, call, token, open_id=theirs.open_id)).refusal[0] == "4102"


async def test_a_user_who_did_not_add_the_app_is_4104_before_4103(realm: Realm) -> None:
    token = await realm.server_token()
    await withdraw_consent(realm.issuer, realm.member)
    assert (await ask(realm, "getUserBaseInfo", token)).refusal == ("4104", "the user did not add the app")
    assert (await ask(realm, "getAppAccess", token)).data == []
    assert (await ask(realm, "getAppIsAdded", token)).data == {"is_added": False}


async def test_without_the_user_s_permission_it_is_4103(realm: Realm) -> None:
    token = await realm.server_token()
    member = await withdraw_consent(realm.issuer, realm.member)
    await consent(realm.issuer, realm.app, member, SCOPE)
    assert (await ask(realm, "getUserBaseInfo", token)).refusal[0] == "4103"
    assert (await ask(realm, "getAppAccess", token)).data == []
    assert (await ask(realm, "getAppIsAdded", token)).data == {"is_added": True}


async def test_a_permission_that_was_taken_from_the_app_does_not_count(realm: Realm) -> None:
    token = await realm.server_token()
    assert (await ask(realm, "getAppAccess", token)).data == [USER_INFO]
    await realm.change_app(permissions=())
    assert (await ask(realm, "getUserBaseInfo", token)).refusal[0] == "4103"
    assert (await ask(realm, "getAppAccess", token)).data == []


async def test_a_disabled_user_is_nobody(realm: Realm) -> None:
    token = await realm.server_token()
    await admin.disable_user(realm.issuer, realm.user)
    assert (await ask(realm, "getUserBaseInfo", token)).refusal[0] == "4102"


async def test_users_are_listed_page_by_page(realm: Realm) -> None:
    token = await realm.server_token()
    open_ids = {realm.member.open_id}
    for number in range(4):
        user = await admin.add_user(realm.issuer, f"user {number}", "")
        member = await open_member(realm.issuer, realm.app, user)
        assert (await count(realm, token)) == {"user_count": 1 + number}
        await consent(realm.issuer, realm.app, member, SCOPE)
        open_ids.add(member.open_id)
    first = await page(realm, token, load_more_count=2)
    second = await page(realm, token, load_more_count=2, load_more_id=int(first[-1]["id"]))
    third = await page(realm, token, load_more_count=2, load_more_id=int(second[-1]["id"]))
    assert [len(first), len(second), len(third)] == [2, 2, 1]
    assert {each["open_id"] for each in first + second + third} == open_ids
    assert await page(realm, token, load_more_id=int(third[-1]["id"])) == []


async def count(realm: Realm, token: str) -> dict[str, int]:
    given = {"app_id": realm.app.app_id, "access_token": token}
    found: dict[str, int] = (await realm.post("/CommonResource/getUserCount", given)).data
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [("load_more_count", 0), ("load_more_count", 101), ("load_more_id", -1), ("load_more_id", "x")],
)
async def test_pages_beyond_bounds_are_4101(realm: Realm, name: str, value: int | str) -> None:
    given = {"app_id": realm.app.app_id, "access_token": await realm.server_token(), name: value}
    for answer in (
        await realm.post("/CommonResource/getUserList", given | {name: str(value)}),
        await realm.post_json("/CommonResource/getUserList", given | {name: str(value)}),
        await realm.post_json("/CommonResource/getUserList", given),
    ):
        status, message = answer.refusal
        assert status == "4101"
        assert name in message


@pytest.mark.parametrize("count", [1, "1", 100, "100"])
async def test_json_bodies_may_give_counts_as_numbers_or_texts(realm: Realm, count: int | str) -> None:
    given = {"app_id": realm.app.app_id, "access_token": await realm.server_token(), "load_more_count": count}
    assert (await realm.post_json("/CommonResource/getUserList", given)).json["status"] == "2000"


async def test_json_bodies_may_give_ids_as_they_were_given(realm: Realm) -> None:
    given = {"app_id": int(realm.app.app_id), "access_token": await realm.server_token()}
    users = (await realm.post_json("/CommonResource/getUserList", given | {"load_more_id": "0"})).data
    after = given | {"load_more_id": users[-1]["id"], "load_more_count": 10}
    assert (await realm.post_json("/CommonResource/getUserList", after)).data == []
