"""Who may use the admin API: keys, rights, networks, host names, web pages, and patience."""

import re
from typing import Any

import pytest

from lingpai.core.errors import LingpaiError
from lingpai.operating.keys import LONGEST_LIFE, MOST_FAILURES, WINDOW, add_key, remove_key
from lingpai.operating.rights import ROLES, Need, is_right, permits, rights_of
from tests.operating.conftest import OPERATOR, Admin


async def test_a_refusal_is_noted_once_a_minute(admin: Admin) -> None:
    viewer, other = await admin.as_role("viewer"), await admin.as_role("viewer")
    for _ in range(3):
        assert (await viewer.ask("PATCH", "/callers/a", {})).status_code == 403
    refused = ("api.refused", "keeper:write")
    assert (await admin.trail()).count(refused) == 1
    await other.ask("PATCH", "/callers/a", {})
    await viewer.ask("PATCH", "/realms/mall/apps/77", {})
    assert ((await admin.trail()).count(refused), len(await admin.trail())) == (2, 3)
    admin.clock.advance(60)
    await viewer.ask("PATCH", "/callers/a", {})
    assert (await admin.trail()).count(refused) == 3


async def test_a_key_is_shown_once_and_kept_as_a_digest(admin: Admin) -> None:
    assert re.fullmatch(r"lpa_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", admin.key)
    (stored,) = await admin.keeper.store.list_admin_keys()
    found = await admin.keeper.store.find_admin_key(stored.key_id)
    assert found is not None
    assert admin.key.encode() not in found[1]
    assert await admin.get("/whoami") == {
        "name": "key-0",
        "role": "owner",
        "rights": list(ROLES["owner"]),
    }
    (item,) = (await admin.get("/admins"))["items"]
    assert admin.key.rpartition("_")[2] not in str(item)
    assert item["used_at"] is not None


@pytest.mark.parametrize(
    "bearer",
    [
        "",
        "lpa_",
        "lpa_00000000_" + "a" * 43,
        "lpk_" + "a" * 43,
        "x" * 5000,
        "lpa_00000000_" + "ä" * 43,
    ],
)
async def test_what_is_no_key_is_refused(admin: Admin, bearer: str) -> None:
    answer = await Admin(admin.keeper, admin.direct, admin.clock, admin.issuers, bearer).ask(
        "GET", "/callers"
    )
    assert answer.status_code == 401
    assert answer.json["code"] in ("missing_key", "wrong_key")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_with_another_ending_is_wrong(admin: Admin) -> None:
    last = "A" if admin.key[-1] != "A" else "B"
    other = Admin(admin.keeper, admin.direct, admin.clock, admin.issuers, admin.key[:-1] + last)
    assert (await other.ask("GET", "/callers")).status_code == 401


async def test_a_key_ends_at_its_time_and_when_it_is_removed(admin: Admin) -> None:
    short = await admin.as_role("viewer", life=60)
    assert (await short.ask("GET", "/callers")).status_code == 200
    admin.clock.advance(60)
    assert (await short.ask("GET", "/callers")).status_code == 401
    viewer = await admin.as_role("viewer")
    assert (await viewer.ask("GET", "/callers")).status_code == 200
    assert await remove_key(admin.keeper.by(OPERATOR), "key-2")
    assert (await viewer.ask("GET", "/callers")).status_code == 401


async def test_a_key_is_bound_to_its_networks(admin: Admin) -> None:
    bound = await admin.as_role("viewer", networks=("10.0.0.0/8",))
    assert (await bound.ask("GET", "/callers", peer="10.1.2.3")).status_code == 200
    refused = await bound.ask("GET", "/callers", peer="192.0.2.1")
    assert (refused.status_code, refused.json["code"]) == (403, "not_allowed")


EVERY: tuple[tuple[str, str, Any, str], ...] = (
    ("GET", "/accounts", None, "keeper:read"),
    ("GET", "/tokens", None, "keeper:read"),
    ("GET", "/budgets", None, "keeper:read"),
    ("GET", "/callers", None, "keeper:read"),
    ("PUT", "/callers/a", {}, "keeper:write"),
    ("PATCH", "/callers/a", {}, "keeper:write"),
    ("DELETE", "/callers/zz", None, "keeper:write"),
    ("POST", "/callers/a/keys", {}, "keeper:write"),
    ("POST", "/tokens/report", {"token": "x"}, "keeper:write"),
    ("GET", "/realms", None, "issuer:read"),
    ("GET", "/realms/mall/apps", None, "issuer/mall:read"),
    ("PUT", "/realms/mall/apps/7", {}, "issuer/mall:write"),
    ("POST", "/realms/mall/apps", {}, "issuer/mall:write"),
    ("GET", "/realms/mall/grants", None, "issuer/mall:read"),
    ("DELETE", "/realms/mall/grants/9", None, "issuer/mall:write"),
    ("GET", "/realms/mall/users", None, "users/mall:read"),
    ("POST", "/realms/mall/users", {"login": "a"}, "users/mall:write"),
    ("GET", "/audit", None, "audit:read"),
    ("GET", "/admins", None, "admin:read"),
)
MAY = {
    "viewer": {"keeper:read", "issuer:read", "issuer/mall:read", "users/mall:read"},
    "operator": {
        *("keeper:read", "issuer:read", "issuer/mall:read", "users/mall:read"),
        *("keeper:write", "issuer/mall:write", "users/mall:write"),
    },
    "users@mall": {"users/mall:read", "users/mall:write"},
    "users@yzb": set[str](),
}


@pytest.mark.parametrize("role", MAY)
async def test_a_role_may_do_what_its_rights_say_and_a_refusal_is_recorded(admin: Admin, role: str) -> None:
    key = await admin.as_role(role)
    for method, path, document, right in EVERY:
        answer = await key.ask(method, path, document, if_none_match="*")
        refused = answer.status_code == 403
        assert refused == (right not in MAY[role]), (method, path, answer.text)
        assert answer.status_code < 500
    refusals = [target for action, target in await admin.trail() if action == "api.refused"]
    assert set(refusals) == {right for *_, right in EVERY} - MAY[role]


async def test_no_call_makes_or_widens_a_key(admin: Admin) -> None:
    for method in ("PUT", "PATCH", "POST"):
        assert (await admin.ask(method, "/admins/key-0", {"role": "owner"})).status_code == 405
    for method in ("PUT", "PATCH", "POST", "DELETE"):
        assert (await admin.ask(method, "/admins", {"name": "x", "role": "owner"})).status_code == 405
    assert len(await admin.keeper.store.list_admin_keys()) == 1


async def test_too_many_failures_of_a_network_are_refused_for_a_minute(admin: Admin) -> None:
    wrong = Admin(admin.keeper, admin.direct, admin.clock, admin.issuers, "lpa_00000000_" + "a" * 43)
    for _ in range(MOST_FAILURES):
        assert (await wrong.ask("GET", "/callers", peer="192.0.2.1")).status_code == 401
    refused = await wrong.ask("GET", "/callers", peer="192.0.2.1")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert (await wrong.ask("GET", "/callers", peer="192.0.2.2")).status_code == 401
    # A right key is never refused for what others of its network do.
    assert (await admin.ask("GET", "/callers", peer="192.0.2.1")).status_code == 200
    admin.clock.advance(WINDOW)
    assert (await wrong.ask("GET", "/callers", peer="192.0.2.1")).status_code == 401


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8010", True),
        ("localhost:8010", True),
        ("[::1]:8010", True),
        ("attacker.example", False),
        ("127.0.0.1.attacker.example", False),
        ("", False),
    ],
)
async def test_a_rebound_name_is_refused_before_the_key_is_looked_at(
    admin: Admin, host: str, allowed: bool
) -> None:
    answer = await admin.ask("GET", "/callers", host=host)
    assert (answer.status_code == 200) == allowed
    if not allowed:
        assert answer.status_code in (400, 403)


@pytest.mark.parametrize("header", ["origin", "sec_fetch_site"])
async def test_web_pages_are_refused_even_with_a_key(admin: Admin, header: str) -> None:
    headers = {header: "https://attacker.example" if header == "origin" else "cross-site"}
    answer = await admin.ask("PUT", "/callers/a", {}, if_none_match="*", **headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert (await admin.get("/callers"))["items"] == []


async def test_entity_tags_cannot_be_worked_out(admin: Admin) -> None:
    await admin.create("/callers/a", {"environment": "x"})
    await admin.create("/callers/b", {"environment": "x"})
    tags = [(await admin.ask("GET", f"/callers/{name}")).headers["etag"] for name in "ab"]
    assert tags[0] != tags[1]
    assert all(re.fullmatch(r'"[0-9a-f]{32}"', tag) for tag in tags)


@pytest.mark.parametrize(
    ("name", "role", "options"),
    [
        ("a b", "viewer", {}),
        ("a", "emperor", {}),
        ("a", "users@", {}),
        ("a", "viewer", {"life": 0}),
        ("a", "viewer", {"life": LONGEST_LIFE + 1}),
        ("a", "viewer", {"networks": ("10.0.0.0/99",)}),
        ("key-0", "viewer", {}),
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(
    admin: Admin, name: str, role: str, options: dict[str, object]
) -> None:
    with pytest.raises(LingpaiError):
        await add_key(admin.keeper.by(OPERATOR), name, role, **options)  # type: ignore[arg-type]
    assert len(await admin.keeper.store.list_admin_keys()) == 1


@pytest.mark.parametrize(
    ("rights", "need", "enough"),
    [
        (("keeper:write",), Need("keeper", "read"), True),
        (("keeper:read",), Need("keeper", "write"), False),
        (("issuer:write",), Need("users", "write", "mall"), True),
        (("issuer/mall:read",), Need("issuer", "read", "mall"), True),
        (("issuer/mall:read",), Need("issuer", "read", "yzb"), False),
        (("issuer/mall:read",), Need("issuer", "read"), False),
        (("users/mall:write",), Need("issuer", "read", "mall"), False),
        (("audit:read",), Need("audit", "read"), True),
        (("admin",), Need("admin", "read"), True),
        (("keeper:write", "issuer:write"), Need("admin", "read"), False),
    ],
)
def test_rights(rights: tuple[str, ...], need: Need, enough: bool) -> None:
    assert permits(rights, need) is enough
    assert all(map(is_right, rights))


def test_roles_are_presets_of_rights() -> None:
    assert all(is_right(right) for role in (*ROLES, "users@mall") for right in rights_of(role))
    assert not is_right("keeper:delete")
