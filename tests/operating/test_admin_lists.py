"""Lists of the admin API: pages, links, prefixes, counts; and changes that are only tried."""

import pytest

from tests.operating.conftest import SECRET, Admin


async def named(admin: Admin, path: str, field: str) -> list[str]:
    return [each[field] for each in (await admin.get(path))["items"]]


async def test_a_link_leads_to_the_next_page(admin: Admin) -> None:
    for name in ("a1", "a2", "b1"):
        await admin.create(f"/callers/{name}", {})
    answer = await admin.ask("GET", "/callers?limit=1&q=a")
    link = answer.headers["link"]
    assert link.startswith("</admin/v1/callers?q=a&limit=1&after=")
    assert link.endswith('>; rel="next"')
    following = await admin.ask("GET", link[len("</admin/v1") : link.index(">")])
    assert [each["caller"] for each in following.json["items"]] == ["a2"]
    assert (following.json["next"], "link" in following.headers) == (None, False)


async def test_the_next_page_says_nothing_and_cannot_be_made_up(admin: Admin) -> None:
    for name in ("a", "b"):
        await admin.create(f"/callers/{name}", {})
        await admin.create(f"/realms/mall/apps/{name}", {})
    following = (await admin.get("/callers?limit=1"))["next"]
    made_up = ["a", "YQ", following[:-1], following + "A", "x" * 4000, "%00", "%FF", "é", following[::-1]]
    for after in made_up:
        assert (await admin.ask("GET", f"/callers?limit=1&after={after}")).status_code == 400, after
    assert (await admin.ask("GET", f"/realms/mall/apps?after={following}")).status_code == 400


async def test_a_place_belongs_to_one_list_with_its_filters(admin: Admin) -> None:
    for login in ("10", "11", "12", "alice", "alma"):
        await admin.ask("POST", "/realms/mall/users", {"login": login})
        await admin.ask("POST", "/realms/yzb/users", {"login": login})
    path = "/realms/mall/users"
    for first in (f"{path}?q=al&limit=1", f"{path}?q=1&limit=1", f"{path}?limit=1"):
        following = (await admin.get(first))["next"]
        others = {path, f"{path}?q=al", f"{path}?q=1", "/realms/yzb/users"} - {first.partition("&")[0]}
        others -= {first.partition("?limit")[0]}
        for other in others:
            link = f"{other}{'&' if '?' in other else '?'}after={following}"
            assert (await admin.ask("GET", link)).status_code == 400, link
        assert (await admin.ask("GET", f"{first}&after={following}")).status_code == 200


async def test_names_are_found_by_how_they_begin(admin: Admin) -> None:
    for login in ("Anna", "andy", "bob", "ANNE", "an"):
        await admin.ask("POST", "/realms/mall/users", {"login": login})
    await admin.ask("POST", "/realms/yzb/users", {"login": "anton"})
    path = "/realms/mall/users"
    assert await named(admin, f"{path}?q=An", "login") == ["an", "andy", "Anna", "ANNE"]
    assert await named(admin, f"{path}?q=ann&limit=1", "login") == ["Anna"]
    following = (await admin.get(f"{path}?q=ann&limit=1"))["next"]
    assert await named(admin, f"{path}?q=ann&after={following}", "login") == ["ANNE"]
    assert await named(admin, f"{path}?q=%25", "login") == []
    for code in ("M1", "M10", "M2", "N1"):
        await admin.create(f"/realms/yilianyun/machines/{code}", {})
    machines = "/realms/yilianyun/machines"
    assert await named(admin, f"{machines}?q=M1", "machine_code") == ["M1", "M10"]
    assert await named(admin, f"{machines}?q=M&limit=2", "machine_code") == ["M1", "M10"]
    following = (await admin.get(f"{machines}?q=M&limit=2"))["next"]
    assert await named(admin, f"{machines}?q=M&after={following}", "machine_code") == ["M2"]
    for account in ("wx1", "wx2", "mini"):
        await admin.create(f"/accounts/wechat/{account}/-", {"secret": SECRET})
    assert await named(admin, "/accounts?q=wechat/wx", "account") == ["wechat/wx1", "wechat/wx2"]
    assert await named(admin, "/realms?q=ma", "realm") == ["mall"]


@pytest.mark.parametrize("path", ["/callers", "/realms/mall/apps", "/realms/mall/users", "/audit"])
async def test_a_list_says_how_many_only_when_asked(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for name in "abcde":
        await admin.create(f"/callers/{name}", {})
        await admin.create(f"/realms/mall/apps/{name}", {})
        await admin.ask("POST", "/realms/mall/users", {"login": name})
    assert "count" not in await admin.get(path)
    assert "count" not in await admin.get(f"{path}?count=0")
    counted = await admin.get(f"{path}?limit=1&count=1")
    assert (len(counted["items"]), counted["more"]) == (1, False)
    assert counted["count"] == (16 if path == "/audit" else 5)
    monkeypatch.setattr("lingpai.operating.resources.resource.MOST_COUNTED", 4)
    monkeypatch.setattr("lingpai.operating.resources.resource._PAGE", 2)
    stopped = await admin.get(f"{path}?count=1")
    assert (stopped["count"], stopped["more"]) == (4, True)
    assert (await admin.ask("GET", f"{path}?count=2")).status_code == 400


async def test_a_change_can_be_tried_without_being_made(admin: Admin) -> None:
    tried = await admin.ask("PUT", "/callers/a?dry_run=1", {"environment": "dev"}, if_none_match="*")
    assert (tried.status_code, "key" in tried.json) == (201, False)
    assert (await admin.get("/callers"))["items"] == []
    await admin.create("/callers/a", {"environment": "dev"})
    before = await admin.trail()
    changed = await admin.ask("PATCH", "/callers/a?dry_run=1", {"environment": "x", "rights": ["token"]})
    assert changed.headers["lingpai-fields"] == "environment,rights"
    assert (await admin.get("/callers/a"))["environment"] == "dev"
    assert (await admin.ask("PATCH", "/callers/a?dry_run=1", {"rights": ["all"]})).status_code == 400
    assert (await admin.ask("PATCH", "/callers/a?dry_run=yes", {})).status_code == 400
    assert await admin.trail() == before
