"""The state of the token hub over HTTP."""

from tests.operating.conftest import SECRET, Admin


async def test_the_state_of_the_token_hub_has_what_is_due_and_no_value(admin: Admin) -> None:
    empty = await admin.get("/status")
    assert (empty["healthy"], empty["accounts"], empty["tokens"], empty["due"]) == (True, 0, [], [])
    await admin.create("/accounts/wechat/wx1/-", {"secret": SECRET})
    found = await admin.get("/status")
    assert (found["healthy"], found["accounts"], found["workers"]) == (False, 1, [])
    assert found["due"] == [{"account": "wechat/wx1", "kind": "access_token"}]
    assert [each["account"] for each in found["tokens"]] == ["wechat/wx1"]
    assert SECRET not in str(found)


async def test_who_may_read_the_hub_alone_sees_its_state(admin: Admin) -> None:
    viewer, elsewhere = await admin.as_role("viewer"), await admin.as_role("users@mall")
    assert (await viewer.ask("GET", "/status")).status_code == 200
    assert (await elsewhere.ask("GET", "/status")).status_code == 403
    assert (await viewer.ask("POST", "/status", {})).status_code == 405
