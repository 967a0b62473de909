"""Terminals, resource servers, keys and the other things of the admin API, each from its first change to its last."""

from typing import Any

import pytest

from lingpai.admin_site import site_of
from lingpai.console.permitted import Permitted
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, CredentialKey
from lingpai.core.user_records import User, UserClaims
from lingpai.issuer import admin as issuer_admin
from lingpai.issuer.context import Issuer
from lingpai.keeper import reporting
from lingpai.operating.resources import tokens
from lingpai.operating.resources.registry import BY_KIND, RESOURCES
from lingpai.operating.resources.resource import Resource
from lingpai.operating.sealing import SETTLED
from lingpai.service import issuers_of
from lingpai.settings import Settings
from tests.operating.conftest import OPERATOR, SECRET, Admin

NOTHING: dict[str, Any] = {}
USER = {"login": "ann", "password": "correct horse"}
MACHINE = "/realms/yilianyun/machines/M-1"
SERVER = "/realms/oidc/resources/https%3A%2F%2Fapi.example.com%2Fv1"


async def test_a_terminal_has_an_owner_and_a_secret_that_is_never_shown(admin: Admin) -> None:
    await admin.ask("POST", "/realms/yilianyun/users", USER)
    made = await admin.create(MACHINE, {"name": "till", "owner": "ann", "msign": SECRET})
    assert (made["machine_code"], made["owner"], made["msign"]) == ("M-1", "ann", True)
    assert SECRET not in str(made)
    kept = await admin.ask("PATCH", MACHINE, {"name": "bar"})
    assert (kept.json["name"], kept.json["owner"], kept.json["msign"]) == ("bar", "ann", True)
    assert kept.headers["lingpai-fields"] == "name"
    same = await admin.ask("PATCH", MACHINE, {"msign": SECRET})
    assert same.headers["lingpai-changed"] == "false"
    other = await admin.ask("PATCH", MACHINE, {"msign": SECRET[::-1], "owner": None})
    assert other.headers["lingpai-fields"] == "owner,msign"
    assert other.json["owner"] is None
    wrong = await admin.ask("PATCH", MACHINE, {"owner": "nobody", "name": "x" * 1000})
    assert [each["pointer"] for each in wrong.json["errors"]] == ["/name", "/owner"]
    shown = await admin.ask("POST", f"{MACHINE}/qr", {})
    assert shown.json["qr_key"]
    assert shown.json["expires_in"] > 0
    assert (await admin.ask("DELETE", MACHINE)).status_code == 200
    assert (await admin.ask("POST", f"{MACHINE}/qr", {})).status_code == 404
    rows = await admin.keeper.store.read_audit(0, 100)
    assert not any(SECRET in row.changes or SECRET[::-1] in row.changes for row in rows)
    assert ("machine.save", "yilianyun/M-1") in await admin.trail()


async def test_a_resource_server_is_named_by_its_address(admin: Admin) -> None:
    made = await admin.create(SERVER, {"name": "API", "scopes": ["read"], "token_format": "jwt"})
    assert (made["uri"], made["token_format"]) == ("https://api.example.com/v1", "jwt")
    assert (await admin.get("/realms/oidc/resources?q=https://api"))["items"] == [made]
    assert (await admin.get("/realms/oidc/resources?q=http://"))["items"] == []
    wrong = await admin.ask("PATCH", SERVER, {"scopes": ["openid"], "introspector": "none"})
    assert [each["pointer"] for each in wrong.json["errors"]] == ["/scopes", "/introspector"]
    assert (await admin.ask("PATCH", SERVER, {"alg": "none"})).status_code == 400
    assert (await admin.ask("PATCH", SERVER, {"access": 900})).json["access"] == 900
    relative = await admin.ask("PUT", "/realms/oidc/resources/api", {}, if_none_match="*")
    assert relative.json["errors"][0]["pointer"] == "/uri"
    assert (await admin.ask("DELETE", SERVER)).status_code == 200
    assert [action for action, _ in await admin.trail()] == [
        *("resource.add", "resource.change", "resource.remove")
    ]


async def test_an_initial_access_token_is_shown_once(admin: Admin) -> None:
    made = await admin.ask("POST", "/realms/oidc/registrations", {"name": "partner", "uses": None})
    number, token = made.json["number"], made.json["token"]
    shown = await admin.get(f"/realms/oidc/registrations/{number}")
    assert (shown["name"], shown["uses"]) == ("partner", None)
    assert token not in str(await admin.get("/realms/oidc/registrations"))
    assert (await admin.ask("GET", f"/realms/mall/registrations/{number}")).status_code == 404
    for wrong in ({"uses": 0}, {"uses": 10**30}, {"lifetime": 0}, {"lifetime": 10**30}, {"lifetime": 2**62}):
        assert (await admin.ask("POST", "/realms/oidc/registrations", wrong)).status_code == 400
    assert (await admin.ask("DELETE", f"/realms/oidc/registrations/{number}")).status_code == 200
    assert (await admin.ask("DELETE", f"/realms/oidc/registrations/{number}")).status_code == 404


async def test_the_claims_of_a_user_are_their_own(admin: Admin) -> None:
    uid = (await admin.ask("POST", "/realms/oidc/users", USER)).json["uid"]
    path = f"/realms/oidc/users/{uid}/claims"
    assert await admin.get(path) == {}
    first = await admin.ask("PATCH", path, {"email": "ann@example.com", "address": {"country": "CN"}})
    assert first.headers["lingpai-fields"] == "email,address"
    second = await admin.ask("PATCH", path, {"address": {"locality": "上海"}, "email_verified": True})
    assert second.json["address"] == {"country": "CN", "locality": "上海"}
    assert (await admin.ask("PATCH", path, {"email": None})).json.get("email") is None
    assert (await admin.ask("PUT", path, {"nick": "x"}, if_match="*")).status_code == 400
    assert (await admin.ask("GET", path.replace(uid, "1-000000000000"))).status_code == 404
    rows = await admin.keeper.store.read_audit(0, 100)
    assert not any("ann@example.com" in row.changes for row in rows)


async def test_a_change_of_claims_does_not_undo_another(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = (await admin.ask("POST", "/realms/oidc/users", USER)).json["uid"]
    path = f"/realms/oidc/users/{uid}/claims"
    change, others = issuer_admin.change_claims, ["a@example.com", "b@example.com"]

    async def overtaken(issuer: Issuer, user: User, known: UserClaims, wanted: UserClaims) -> Any:
        if others:
            await change(issuer, user, known, UserClaims(email=others.pop(0)))
        return await change(issuer, user, known, wanted)

    monkeypatch.setattr(issuer_admin, "change_claims", overtaken)
    etag = (await admin.ask("GET", path)).headers["etag"]
    refused = await admin.ask("PUT", path, {"phone_number": "+86 10"}, if_match=etag)
    assert (refused.status_code, (await admin.get(path))["email"]) == (412, "a@example.com")
    done = await admin.ask("PATCH", path, {"phone_number": "+86 10"})
    assert (done.json["email"], done.json["phone_number"]) == ("b@example.com", "+86 10")


@pytest.mark.parametrize("kind", ["apps", "users", "callers", "accounts"])
async def test_what_changed_meanwhile_is_not_removed(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    own = {"name": "Shop", "redirect_uris": ["https://shop.example.com/back"]}
    uid = (await admin.ask("POST", "/realms/mall/users", USER)).json["uid"]
    path, entry, change = {
        "apps": ("/realms/mall/apps/77", own, {"name": "Bar"}),
        "users": (f"/realms/mall/users/{uid}", None, {"nick": "Bar"}),
        "callers": ("/callers/shop", {}, {"environment": "dev"}),
        "accounts": ("/accounts/wechat/wx1/-", {"secret": SECRET}, {"secret": SECRET[::-1]}),
    }[kind]
    if entry is not None:
        await admin.create(path, entry)
    etag = (await admin.ask("GET", path)).headers["etag"]
    resource, others = BY_KIND[kind], [change]
    document = type(resource).document

    async def overtaken(self: Any, site: Any, record: Any) -> Any:
        shown = await document(self, site, record)
        if others:  # between the check of the condition and the removal
            assert (await admin.ask("PATCH", path, others.pop())).status_code == 200
        return shown

    monkeypatch.setattr(type(resource), "document", overtaken)
    assert (await admin.ask("DELETE", path, if_match=etag)).status_code == 412
    now = (await admin.ask("GET", path)).headers["etag"]
    assert (await admin.ask("DELETE", path, if_match=now)).status_code == 200


@pytest.mark.parametrize("action", ["clear", "report"])
async def test_what_a_crash_cuts_off_is_in_the_trail(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    await admin.create("/accounts/wechat/wx1/-", {"secret": SECRET})
    key = CredentialKey("wechat", "wx1", b"", "access_token")

    async def found(*_given: object) -> Credential:
        return Credential(id=1, key=key)

    async def die(*_given: object) -> str:
        raise LingpaiError(Kind.STORE_UNAVAILABLE, "The store does not answer.")

    async def app_of(*_given: object) -> Any:
        (account,) = await admin.keeper.store.list_accounts()
        return admin.keeper.app_of(account)

    monkeypatch.setattr(reporting, action, die)
    monkeypatch.setattr(tokens, "app_of_credential", app_of)
    monkeypatch.setattr(type(admin.keeper.store), "find_credential", found)
    path = "/tokens/wechat/wx1/-/access_token/clear" if action == "clear" else "/tokens/report"
    answer = await admin.ask("POST", path, {"token": "t"} if action == "report" else {})
    assert answer.status_code == 503
    assert (f"token.{action}", "wechat/wx1") in await admin.trail()


async def test_a_value_needs_a_right_and_a_reason_that_is_recorded(admin: Admin) -> None:
    await admin.create("/accounts/wechat/wx1/-", {"secret": SECRET})
    path = "/tokens/wechat/wx1/-/access_token/reveal"
    assert (await admin.ask("POST", path, {})).status_code == 400
    for reason in ("", "  ", "x" * 501):
        assert (await admin.ask("POST", path, {"reason": reason})).status_code == 400, reason
    operator = await admin.as_role("operator")
    refused = await operator.ask("POST", path, {"reason": "curiosity"})
    assert (refused.status_code, "secrets:reveal" in refused.json["title"]) == (403, True)
    missing = await admin.ask("POST", path.replace("wx1", "wx2"), {"reason": "a call by hand"})
    assert missing.status_code == 404
    await admin.ask("POST", path, {"reason": "a call by hand"})
    rows = await admin.keeper.store.read_audit(0, 100)
    assert [row.reason for row in rows if row.action == "token.reveal"] == ["a call by hand"]


@pytest.mark.parametrize("held", ["keeper:read", "keeper:write", "admin"])
async def test_the_console_reveals_nothing_without_the_right_to(admin: Admin, held: str) -> None:
    issuers = await issuers_of(Settings(), admin.keeper, disabled=True)
    port = Permitted(site_of(Settings(), admin.keeper, issuers).by(OPERATOR), (held,))
    with pytest.raises(LingpaiError) as refused:
        await port.act("tokens", ("wechat", "wx1", "-", "access_token"), "reveal", {"reason": "curiosity"})
    assert refused.value.kind is Kind.NOT_ALLOWED
    newest = (await admin.keeper.store.read_audit(0, 100))[-1]
    assert (newest.action, newest.target) == ("console.refused", "secrets:reveal")


async def test_the_ring_is_rotated_and_its_old_key_retired(admin: Admin) -> None:
    await admin.create("/accounts/wechat/wx1/-", {"secret": SECRET})
    assert [each["seals"] for each in (await admin.get("/keys"))["items"]] == [True]
    assert (await admin.ask("DELETE", "/keys/1")).status_code == 409
    turned = await admin.ask("POST", "/keys/rotate", {})
    second = turned.json["key"]
    assert second != 1
    assert turned.json["resealed"] >= 1
    assert (await admin.ask("POST", "/keys/reseal", {})).json == {"key": second, "resealed": 0}
    first = await admin.get("/keys/1")
    assert (first["values"], first["seals"]) == (0, False)
    admin.clock.advance(SETTLED)
    assert (await admin.ask("DELETE", "/keys/1")).status_code == 200
    assert (await admin.ask("DELETE", f"/keys/{second}")).status_code == 409
    assert (await admin.ask("GET", "/keys/x")).status_code == 404
    assert ("key.rotate", str(second)) in await admin.trail()
    assert ("key.retire", "1") in await admin.trail()
    operator = await admin.as_role("operator")
    assert (await operator.ask("POST", "/keys/rotate", {})).status_code == 403


async def test_signing_keys_are_of_realms_that_sign(admin: Admin) -> None:
    turned = await admin.ask("POST", "/realms/oidc/signing-keys/rotate", {"soon": True})
    assert {each["state"] for each in turned.json["keys"]} >= {"signs"}
    assert (await admin.get("/realms/oidc/signing-keys"))["items"] == turned.json["keys"]
    assert (await admin.ask("GET", "/realms/mall/signing-keys")).status_code == 404
    assert ("realm.signing-key", "oidc") in await admin.trail()


async def test_the_key_of_an_own_site_is_shown_once(admin: Admin) -> None:
    path = "/realms/mall/login-key"
    made = await admin.ask("POST", path, {})
    assert (made.json["number"], made.json["return_to"]) == (1, made.json["iss"] + "/login/return")
    assert (await admin.ask("POST", path, {})).status_code == 409
    assert (await admin.ask("POST", path, {"at_once": True})).status_code == 400
    assert (await admin.ask("POST", path, {"rotate": True})).json["number"] == 2


async def test_a_link_for_another_password_is_an_address_of_the_service(admin: Admin) -> None:
    uid = (await admin.ask("POST", "/realms/mall/users", USER)).json["uid"]
    made = await admin.ask("POST", f"/realms/mall/users/{uid}/reset-link", {})
    assert "/user/mall/reset?link=" in made.json["address"]
    assert ("user.reset-link", "mall/ann") in await admin.trail()


async def test_a_code_is_made_without_a_browser(admin: Admin) -> None:
    app = {"name": "Shop", "redirect_uris": ["https://shop.example.com/back"]}
    await admin.create("/realms/mall/apps/77", app)
    await admin.ask("POST", "/realms/mall/users", USER)
    wanted = {"app": "77", "user": "ann", "redirect_uri": app["redirect_uris"][0]}
    made = await admin.ask("POST", "/realms/mall/grants/code", wanted)
    assert made.json["code"]
    for name in ("app", "user", "machine"):
        refused = await admin.ask("POST", "/realms/mall/grants/code", wanted | {name: "none"})
        assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (404, f"/{name}")
    assert ("grant.code", "mall/77") in await admin.trail()


async def test_a_secret_that_derives_from_nothing_is_given_once(admin: Admin) -> None:
    uid = (await admin.ask("POST", "/realms/mall/users", USER)).json["uid"]
    given: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("/realms/oidc/registrations", {"name": "partner"}, "token"),
        ("/realms/mall/login-key", {}, "key"),
        (f"/realms/mall/users/{uid}/reset-link", {}, "address"),
    )
    for path, body, name in given:
        first = await admin.ask("POST", path, body, idempotency_key="abc")
        again = await admin.ask("POST", path, body, idempotency_key="abc")
        assert first.status_code == again.status_code == 200, path
        assert first.json[name]
        assert again.json == first.json | {name: None, "hint": "repeat with another Idempotency-Key"}


async def test_a_repeated_answer_invents_no_secret(admin: Admin) -> None:
    own: dict[str, Any] = {"name": "Shop", "redirect_uris": ["https://shop.example.com/back"]}
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://shop.example.com/keys"}
    kinds: tuple[dict[str, Any], ...] = ({"public": True}, {"client": keys})
    for number, more in enumerate(kinds):
        asked = ("POST", "/realms/oidc/apps", own | more)
        first = await admin.ask(*asked, idempotency_key=str(number))
        again = await admin.ask(*asked, idempotency_key=str(number))
        assert first.json.get("secret") == "", first.text
        assert again.json == first.json


async def test_the_trail_is_exported_with_its_digests_and_verified(admin: Admin) -> None:
    for name in "abc":
        await admin.create(f"/callers/{name}", {})
    first = await admin.get("/audit?oldest=1&limit=3")
    rest = await admin.get(f"/audit?oldest=1&limit=3&after={first['next']}")
    rows = first["items"] + rest["items"]
    assert [row["id"] for row in rows] == [1, 2, 3, 4]
    assert [row["previous"] for row in rows[1:]] == [row["digest"] for row in rows[:-1]]
    found = await admin.ask("POST", "/audit/verify", {})
    assert (found.json["verified"], found.json["rows"]) == (True, 4)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.kind)
async def test_nobody_without_a_right_reads_or_changes_a_thing(admin: Admin, resource: Resource[Any]) -> None:
    stranger = await admin.as_role("users@nowhere")
    path = resource.path.replace("{realm}", "mall").replace("{", "").replace("}", "")
    base = resource.list_path.replace("{realm}", "mall")
    asked = [(method, path) for method in resource.methods] + [("GET", base)] * resource.listed
    asked += [("POST", (base if each.whole else path) + each.path) for each in resource.actions.values()]
    for method, address in asked:
        answer = await stranger.ask(method, address, None if method == "GET" else NOTHING, if_match="*")
        assert answer.status_code == 403, (method, address, answer.text)
