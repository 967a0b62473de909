from typing import Any
from urllib.parse import quote

import pytest

from lingpai.core.issuer_records import App
from tests.operating.conftest import SECRET, Admin

ACCOUNT = {"secret": SECRET, "domains": ["a.example.com"]}
WX1 = "/accounts/wechat/wx1/-"
APP = {"name": "Shop", "redirect_uris": ["https://shop.example.com/back"]}


async def etag_of(admin: Admin, path: str) -> str:
    answer = await admin.ask("GET", path)
    return str(answer.headers["etag"])


async def test_an_account_is_created_read_changed_and_removed(admin: Admin) -> None:
    created = await admin.ask("PUT", WX1, ACCOUNT, if_none_match="*")
    assert created.status_code == 201
    assert created.headers["lingpai-changed"] == "true"
    document = created.json
    assert (document["account"], document["domains"], document["mode"]) == (
        "wechat/wx1",
        ["a.example.com"],
        "",
    )
    assert SECRET not in created.text
    read = await admin.ask("GET", WX1)
    assert read.json == document
    assert read.headers["etag"] == created.headers["etag"]
    assert read.headers["cache-control"] == "no-store"
    changed = await admin.ask("PUT", WX1, {"hand_out": "phantom"}, if_match=read.headers["etag"])
    assert changed.status_code == 200
    assert (changed.json["domains"], changed.json["hand_out"]) == ([], "phantom")
    assert changed.json["secret_fingerprint"] == document["secret_fingerprint"]
    assert changed.headers["etag"] != read.headers["etag"]
    removed = await admin.ask("DELETE", WX1, if_match=changed.headers["etag"])
    assert removed.status_code == 200
    assert (await admin.ask("GET", WX1)).status_code == 404
    actions = [action for action, _ in await admin.trail()]
    assert actions == ["account.add", "account.change", "account.remove"]


async def test_what_is_read_can_be_sent_back_and_changes_nothing(admin: Admin) -> None:
    await admin.create(WX1, ACCOUNT)
    await admin.create("/callers/shop", {"rights": ["token"]})
    await admin.create("/realms/mall/apps/77", APP)
    before = await admin.trail()
    for path in (WX1, "/callers/shop", "/realms/mall/apps/77"):
        read = await admin.ask("GET", path)
        again = await admin.ask("PUT", path, read.json, if_match=read.headers["etag"])
        assert again.status_code == 200, again.text
        assert again.headers["lingpai-changed"] == "false", path
        assert again.json == read.json
        assert again.headers["etag"] == read.headers["etag"]
    assert await admin.trail() == before


async def test_a_change_needs_a_condition_and_a_stale_one_is_refused(admin: Admin) -> None:
    await admin.create(WX1, ACCOUNT)
    stale = await etag_of(admin, WX1)
    assert (await admin.ask("PUT", WX1, ACCOUNT)).status_code == 428
    assert (await admin.ask("PUT", WX1, {"mode": "classic"}, if_match=stale)).status_code == 200
    refused = await admin.ask("PUT", WX1, {"mode": "stable", "domains": ["b.cn"]}, if_match=stale)
    assert refused.status_code == 412
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json
    assert problem["code"] == "precondition_failed"
    assert problem["etag"] == refused.headers["etag"] == await etag_of(admin, WX1)
    assert sorted(problem["changed"]) == ["domains", "mode"]
    assert (await admin.ask("DELETE", WX1, if_match=stale)).status_code == 412
    assert (await admin.ask("PUT", WX1, ACCOUNT, if_none_match="*")).status_code == 412
    assert (await admin.ask("PUT", "/callers/x", {}, if_match="*")).status_code == 412
    for header in ("", "abc", '"a', "*, *"):
        answer = await admin.ask("PUT", WX1, ACCOUNT, if_match=header)
        assert answer.status_code in (400, 412, 428), header
    assert (await admin.ask("PUT", WX1, ACCOUNT, if_match="*")).status_code == 200


async def test_an_unchanged_thing_is_not_sent_again(admin: Admin) -> None:
    await admin.create(WX1, ACCOUNT)
    tag = await etag_of(admin, WX1)
    again = await admin.ask("GET", WX1, if_none_match=tag)
    assert (again.status_code, again.content) == (304, b"")


async def test_a_patch_changes_what_it_names_and_nothing_else(admin: Admin) -> None:
    await admin.create("/realms/oidc/apps/77", APP | {"scopes": ["openid", "email"]})
    path = "/realms/oidc/apps/77"
    first = await admin.ask("PATCH", path, {"owner": "acme", "client": {"fapi2": False, "pkce": False}})
    assert first.status_code == 200, first.text
    assert (first.json["owner"], first.json["scopes"]) == ("acme", ["openid", "email"])
    assert first.json["client"]["pkce"] is False
    second = await admin.ask("PATCH", path, {"owner": None, "client": {"pkce": None}})
    assert (second.json["owner"], second.json["client"]["pkce"]) == ("", True)
    assert second.json["name"] == "Shop"
    stale = first.headers["etag"]
    assert (await admin.ask("PATCH", path, {"owner": "x"}, if_match=stale)).status_code == 412
    merge = await admin.direct.ask(
        "PATCH",
        "/admin/v1" + path,
        headers={
            "authorization": f"Bearer {admin.key}",
            "content-type": "application/merge-patch+json",
        },
        body='{"owner":"b"}',
    )
    assert merge.json["owner"] == "b"


async def test_all_flaws_are_reported_at_once_in_the_callers_language(admin: Admin) -> None:
    wrong = {"secret": SECRET, "mode": "magic", "domains": ["a b", "-"], "hand_out": "all"}
    answer = await admin.ask("PUT", WX1, wrong, if_none_match="*")
    assert answer.status_code == 400
    problem = answer.json
    assert problem["type"] == "urn:lingpai:error:invalid_parameter"
    assert problem["trace_id"] == answer.headers["trace-id"]
    assert [each["pointer"] for each in problem["errors"]] == ["/mode", "/domains", "/domains", "/hand_out"]
    assert "has no mode magic" in problem["title"]
    chinese = await admin.ask("PUT", WX1, wrong, if_none_match="*", accept_language="zh-CN")
    assert "没有 magic 方式" in chinese.json["title"]
    assert "没有 magic 方式" in chinese.json["errors"][0]["detail"]
    for document, field in (
        ({"secret": 5}, "secret"),
        ({"secrets": "x"}, "secrets"),
        ({"secret": SECRET, "domains": "a.cn"}, "domains"),
        ({"secret": SECRET, "domains": [1]}, "domains"),
        ({"secret": None}, "secret"),
        ({}, "secret"),
    ):
        refused = await admin.ask("PUT", WX1, document, if_none_match="*")
        assert refused.status_code == 400, document
        assert refused.json["errors"][0]["pointer"] == f"/{field}", document
        assert SECRET not in refused.text
    assert (await admin.trail()) == []


async def test_a_caller_gets_its_key_once_and_another_one_beside_it(admin: Admin) -> None:
    created = await admin.create("/callers/shop", {"rights": ["token"], "environment": "dev"})
    key = created.pop("key")
    assert key.startswith("lpk_")
    assert await admin.get("/callers/shop") == created
    rotated = await admin.ask("POST", "/callers/shop/keys", {"overlap": 60})
    assert rotated.status_code == 200
    assert rotated.json["key"] != key
    shown = await admin.get("/callers/shop")
    assert shown["valid_keys"] == 2
    for each in (key, rotated.json["key"]):
        found = await admin.keeper.store.find_caller(admin.keeper.digest_caller_key(each))
        assert found is not None
        assert found.name == "shop"
    assert (await admin.ask("DELETE", "/callers/shop")).status_code == 200
    again = await admin.ask("PUT", "/callers/shop", {}, if_match="*")
    assert (again.status_code, again.json["code"]) == (409, "conflict")
    assert (await admin.ask("POST", "/callers/shop/keys", {})).status_code == 404
    assert (await admin.ask("POST", "/callers/shop/keys", {"overlap": -1})).status_code == 400


async def test_an_app_whose_id_is_an_address_is_named_with_encoded_slashes(admin: Admin) -> None:
    app_id = "https://notes.example/oauth/client.json?v=1"
    app = App(
        realm="oidc", app_id=app_id, name="Notes", redirect_uris=("https://notes.example/back",), public=True
    )
    await admin.issuers["oidc"].store.add_app(app)
    path = f"/realms/oidc/apps/{quote(app_id, safe='')}"
    shown = await admin.ask("GET", path)
    assert shown.json["app_id"] == app_id
    changed = await admin.ask("PATCH", path, {"disabled": True}, if_match=shown.headers["etag"])
    assert changed.json.get("disabled") is True, changed.text
    assert (await admin.ask("POST", f"{path}/end-grants", {})).status_code == 200
    newest = (await admin.get("/audit"))["items"][0]
    assert (newest["action"], newest["target"]) == ("app.end-grants", f"oidc/{app_id}")
    assert (await admin.ask("GET", path.replace("Fnotes", "Fother"))).status_code == 404
    assert (await admin.ask("DELETE", path)).status_code == 200


async def test_an_app_has_its_secret_once_and_is_found_in_its_realm_alone(admin: Admin) -> None:
    made = await admin.ask("POST", "/realms/mall/apps", APP)
    assert made.status_code == 200, made.text
    app_id, secret = made.json["app_id"], made.json["secret"]
    path = f"/realms/mall/apps/{app_id}"
    shown = await admin.ask("GET", path)
    assert secret not in shown.text
    assert (shown.json["secrets"], shown.json["users"]) == (1, 0)
    assert (await admin.ask("GET", f"/realms/yzb/apps/{app_id}")).status_code == 404
    assert (await admin.ask("GET", "/realms/nowhere/apps")).status_code == 404
    rotated = await admin.ask("POST", f"{path}/secrets", {"overlap": 3600})
    assert rotated.json["secret"] != secret
    assert (await admin.get(path))["secrets"] == 2
    assert (await admin.ask("POST", f"{path}/end-grants", {})).status_code == 200
    newest = (await admin.get("/audit"))["items"][0]
    assert (newest["action"], newest["target"]) == ("app.end-grants", f"mall/{app_id}")
    assert [each["app_id"] for each in (await admin.get("/realms/mall/apps"))["items"]] == [app_id]
    wrong = await admin.ask(
        "POST", "/realms/mall/apps", APP | {"redirect_uris": ["ftp://x"], "networks": ["y"]}
    )
    assert [each["pointer"] for each in wrong.json["errors"]] == ["/redirect_uris", "/networks"]
    taken = await admin.ask("POST", "/realms/mall/apps", APP | {"app_id": app_id})
    assert taken.status_code == 409
    assert (await admin.ask("DELETE", path)).status_code == 200
    assert (await admin.ask("GET", path)).status_code == 404


async def test_users_are_managed_by_an_id_that_cannot_be_guessed(admin: Admin) -> None:
    added = await admin.ask("POST", "/realms/mall/users", {"login": "Ann/1", "password": "correct horse"})
    assert added.status_code == 200, added.text
    uid = added.json["uid"]
    path = f"/realms/mall/users/{uid}"
    row = uid.partition("-")[0]
    for wrong in (row, f"{row}-", f"{row}-000000000000", f"{int(row) + 1}-{uid.partition('-')[2]}", "x", "²"):
        assert (await admin.ask("GET", f"/realms/mall/users/{wrong}")).status_code == 404, wrong
    assert (await admin.ask("GET", f"/realms/yzb/users/{uid}")).status_code == 404
    patched = await admin.ask("PATCH", path, {"nick": "Ann", "disabled": True})
    assert (patched.json["nick"], patched.json["disabled"], patched.json["login"]) == ("Ann", True, "Ann/1")
    assert (await admin.ask("POST", f"{path}/password", {"password": "short"})).status_code == 400
    answer = await admin.ask("POST", f"{path}/password", {"password": "longer than before"})
    assert answer.json["outcome"] == "changed"
    assert (await admin.ask("POST", f"{path}/end-sessions", {})).json["sessions_ended"] == 0
    found = await admin.get("/realms/mall/users?login=Ann%2F1")
    assert [each["uid"] for each in found["items"]] == [uid]
    assert (await admin.get("/realms/mall/users?login=nobody"))["items"] == []
    second = await admin.ask("POST", "/realms/mall/users", {"login": "bob"})
    taken = await admin.ask("PATCH", f"/realms/mall/users/{second.json['uid']}", {"login": "Ann/1"})
    assert (taken.status_code, taken.json["code"]) == (409, "conflict")
    both = {"login": "c", "password": "correct horse", "password_hash": "x"}
    assert (await admin.ask("POST", "/realms/mall/users", both)).status_code == 400
    assert (await admin.ask("DELETE", path)).status_code == 200
    assert (await admin.ask("GET", path)).status_code == 404
    trail = await admin.trail()
    assert ("user.password", "mall/Ann/1") in trail
    rows = await admin.keeper.store.read_audit(0, 100)
    assert not any("longer than before" in row.changes for row in rows)


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
async def test_lists_are_read_page_by_page(admin: Admin, limit: int) -> None:
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        await admin.create(f"/callers/{name}", {})
        await admin.create(f"/realms/mall/apps/{name}", {})
        await admin.ask("POST", "/realms/mall/users", {"login": name})
    for path, field in (
        ("/callers", "caller"),
        ("/realms/mall/apps", "app_id"),
        ("/realms/mall/users", "login"),
    ):
        found: list[str] = []
        after = ""
        while True:
            page = await admin.get(f"{path}?limit={limit}&after={after}")
            assert len(page["items"]) <= limit
            found += [each[field] for each in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert found == names, path


async def test_lists_refuse_what_is_no_page(admin: Admin) -> None:
    for query in ("limit=0", "limit=501", "limit=x", "after=x", "after=%00", "after=1.5"):
        answer = await admin.ask("GET", f"/realms/mall/users?{query}")
        assert answer.status_code == 400, query
        assert answer.json["code"] == "invalid_parameter"


async def test_every_row_of_the_trail_is_shown_and_filtered(admin: Admin) -> None:
    await admin.create("/callers/a", {})
    await admin.create("/callers/ab", {})
    await admin.create(WX1, ACCOUNT)
    items = (await admin.get("/audit"))["items"]
    assert [each["action"] for each in items] == ["account.add", "caller.add", "caller.add", "admin.add"]
    newest = items[0]
    assert (newest["actor_kind"], newest["actor"], newest["address"]) == ("admin", "key-0", "127.0.0.1")
    assert newest["trace_id"]
    assert newest["after"]["secret"] == (await admin.get(WX1))["secret_fingerprint"]
    by_target = await admin.get("/audit?target=a*")
    assert [each["target"] for each in by_target["items"]] == ["ab", "a"]
    page = await admin.get("/audit?limit=2&action=caller.add&actor=key-0")
    assert len(page["items"]) == 2
    assert page["next"] is None
    assert (await admin.get(f"/audit/{newest['id']}")) == newest
    for path in ("/audit/0", "/audit/99", "/audit/x", "/audit/-1"):
        assert (await admin.ask("GET", path)).status_code == 404, path
    assert (await admin.ask("GET", "/audit?since=x")).status_code == 400
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        assert (await admin.ask(method, f"/audit/{newest['id']}", {})).status_code == 405


async def test_realms_show_every_number_and_where_it_is_from(admin: Admin) -> None:
    items = (await admin.get("/realms"))["items"]
    assert {"mall", "oidc", "yilianyun", "yzb"} <= {each["realm"] for each in items}
    mall = await admin.get("/realms/mall")
    assert mall["protocol"] == "mall"
    assert mall["policy"]["secret_overlap"] == {"value": 86_400, "source": "protocol"}


async def test_tokens_are_listed_without_values_and_with_what_ails_them(admin: Admin) -> None:
    await admin.create(WX1, ACCOUNT)
    items = (await admin.get("/tokens"))["items"]
    assert [(each["account"], each["kind"], each["version"]) for each in items] == [
        ("wechat/wx1", "access_token", 0)
    ]
    assert await admin.get("/tokens/wechat/wx1/-/access_token") == items[0]
    assert (await admin.get("/tokens?trouble=1"))["items"] == []
    assert (await admin.get("/tokens?ends_within=600"))["items"] == []
    assert (await admin.ask("GET", "/tokens?ends_within=soon")).status_code == 400
    reported = await admin.ask("POST", "/tokens/report", {"token": "unheard of"})
    assert reported.json == {"outcome": "unknown"}
    unblocked = await admin.ask("POST", f"{WX1}/unblock", {})
    assert unblocked.json == {"account": "wechat/wx1", "unblocked": []}
    assert (await admin.ask("POST", "/tokens/wechat/wx2/-/access_token/renew", {})).status_code == 404
    assert (await admin.ask("POST", "/tokens/wechat/wx1/-/gold/renew", {})).status_code == 404
    assert (await admin.get("/budgets"))["items"] == []


async def test_two_people_who_change_two_fields_both_win(admin: Admin) -> None:
    import asyncio

    await admin.create("/callers/shop", {"rights": ["token"]})
    changes: list[dict[str, Any]] = [
        {"environment": "production"},
        {"rights": ["token", "sign"]},
        {"networks": ["10.0.0.0/8"]},
        {"apps": ["wechat/wx1"]},
    ]
    answers = await asyncio.gather(*(admin.ask("PATCH", "/callers/shop", each) for each in changes))
    assert [each.status_code for each in answers] == [200] * 4
    shown = await admin.get("/callers/shop")
    for change in changes:
        for name, value in change.items():
            assert shown[name] == value


async def test_of_two_who_create_one_does(admin: Admin) -> None:
    import asyncio

    answers = await asyncio.gather(
        *(admin.ask("PUT", "/callers/shop", {"environment": f"{n}"}, if_none_match="*") for n in range(4))
    )
    assert sorted(each.status_code for each in answers) == [201, 412, 412, 412]


async def test_a_repeated_request_is_answered_again_with_the_same_secret(admin: Admin) -> None:
    await admin.create("/callers/shop", {})
    for path, secret in (("/callers/shop/keys", "key"), ("/realms/mall/apps", "secret")):
        first = await admin.ask("POST", path, {}, idempotency_key="abc")
        again = await admin.ask("POST", path, {}, idempotency_key="abc")
        assert first.status_code == again.status_code == 200
        assert first.json == again.json
        other = await admin.ask("POST", path, {}, idempotency_key="abd")
        assert other.json[secret] != first.json[secret]
        reused = await admin.ask("POST", path, {"app_id": "9"}, idempotency_key="abc")
        assert (reused.status_code, reused.json["code"]) == (422, "key_reused")
    assert (await admin.get("/callers/shop"))["valid_keys"] == 3
    admin.clock.advance(700)
    late = await admin.ask("POST", "/callers/shop/keys", {}, idempotency_key="abc")
    assert (late.json["key"], late.json["hint"]) == (None, "rotate")
    failed = await admin.ask("POST", "/callers/nobody/keys", {}, idempotency_key="x")
    assert failed.status_code == 404
    await admin.create("/callers/nobody", {})
    assert (await admin.ask("POST", "/callers/nobody/keys", {}, idempotency_key="x")).status_code == 200
    assert (await admin.ask("POST", "/callers/shop/keys", {}, idempotency_key="k" * 256)).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", WX1, "[]", 400),
        ("PUT", WX1, "{", 400),
        ("PUT", WX1, '{"a":1,"a":2}', 400),
        ("PUT", WX1, '{"secret":"\\u0000"}', 400),
        ("PATCH", WX1, '{"mode":{"a":' + "[" * 5000 + "]" * 5000 + "}}", 400),
        ("POST", "/callers/shop/keys", "null", 400),
        ("POST", "/callers/%00/keys", "{}", 400),
        ("POST", "/callers/%FF/keys", "{}", 400),
    ],
)
async def test_any_bytes_are_refused_and_crash_nothing(
    admin: Admin, method: str, path: str, body: str, status: int
) -> None:
    await admin.create(WX1, ACCOUNT)
    headers = {"authorization": f"Bearer {admin.key}", "content-type": "application/json", "if-match": "*"}
    answer = await admin.direct.ask(method, "/admin/v1" + path, headers=headers, body=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_bodies_of_other_kinds_are_not_taken(admin: Admin) -> None:
    headers = {"authorization": f"Bearer {admin.key}", "if-none-match": "*"}
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        answer = await admin.direct.ask(
            "PUT", "/admin/v1" + WX1, headers=headers | {"content-type": kind}, body='{"secret":"x"}'
        )
        assert answer.status_code == 415, kind
    assert (await admin.ask("GET", "/nothing")).status_code == 404
    assert (await admin.ask("GET", "/nothing")).headers["content-type"] == "application/problem+json"


async def test_the_api_describes_itself(admin: Admin) -> None:
    described = await admin.get("/openapi.json")
    paths = described["paths"]
    assert set(paths["/admin/v1/callers/{name}"]) == {"get", "put", "patch", "delete"}
    body = paths["/admin/v1/callers/{name}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["$ref"].startswith("#/components/schemas/")
    entry = described["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    assert {"environment", "apps", "rights", "networks", "forward", "hand_out"} == set(entry["properties"])
    assert "/admin/v1/whoami" in paths


async def test_a_list_that_stayed_the_same_is_not_named_as_different(admin: Admin) -> None:
    sent = {"environment": "production", "rights": ["token"], "apps": ["*"], "networks": ["10.0.0.0/8"]}
    await admin.create("/callers/shop", sent)
    stale = await admin.ask("PUT", "/callers/shop", sent | {"environment": "test"}, if_match='"old"')
    assert (stale.status_code, stale.json["changed"]) == (412, ["environment"])
