"""Terminals that several operators change at the same time."""

import asyncio

import pytest

from lingpai.issuer import admin as issuer_admin
from lingpai.issuer.admin import digest_terminal_secret
from tests.operating.conftest import Admin

PATH = "/realms/yilianyun/machines/4001"


async def test_two_who_change_two_fields_of_a_terminal_both_succeed(admin: Admin) -> None:
    await admin.ask("POST", "/realms/yilianyun/users", {"login": "kim"})
    await admin.create(PATH, {"name": "Bar"})
    answers = await asyncio.gather(
        admin.ask("PATCH", PATH, {"name": "Kitchen"}),
        admin.ask("PATCH", PATH, {"owner": "kim"}),
        admin.ask("PATCH", PATH, {"msign": "terminal-secret"}),
    )
    assert [each.status_code for each in answers] == [200, 200, 200]
    document = await admin.get(PATH)
    assert (document["name"], document["owner"], document["msign"]) == ("Kitchen", "kim", True)


async def test_of_two_who_add_a_terminal_one_succeeds(admin: Admin) -> None:
    answers = await asyncio.gather(
        *(admin.ask("PUT", PATH, {"name": name}, if_none_match="*") for name in ("a", "b"))
    )
    assert sorted(each.status_code for each in answers) == [201, 412]
    winner = next(each.json for each in answers if each.status_code == 201)
    assert (await admin.get(PATH))["name"] == winner["name"]
    assert await admin.trail() == [("machine.save", "yilianyun/4001")]


@pytest.mark.parametrize("change", ["name", "msign", "removed"])
async def test_a_terminal_that_was_changed_since_it_was_read_is_not_replaced(
    admin: Admin, change: str
) -> None:
    issuer = admin.issuers["yilianyun"]
    known = await issuer_admin.save_terminal(issuer, "4001", name="Bar", msign="terminal-secret")
    if change == "removed":
        await issuer_admin.remove_terminal(issuer, known)
    else:
        name, msign = ("Kitchen", "") if change == "name" else ("Bar", "something else")
        await issuer_admin.save_terminal(issuer, "4001", name=name, msign=msign)
    assert await issuer_admin.replace_terminal(issuer, known, known, (None, None)) is None
    found = await issuer.store.find_terminal("yilianyun", "4001")
    assert (found is None) == (change == "removed")
    if change == "msign":
        assert found is not None
        assert found.secret_digest == digest_terminal_secret(issuer, "something else")


async def test_the_trail_has_the_fields_of_a_terminal_before_and_after(admin: Admin) -> None:
    await admin.create(PATH, {"name": "Bar", "msign": "terminal-secret"})
    await admin.ask("PATCH", PATH, {"name": "Kitchen"})
    added, changed = (await admin.keeper.store.read_audit(0, 1000))[-2:]
    assert added.action == changed.action == "machine.save"
    assert '"msign":' in added.changes
    assert "terminal-secret" not in added.changes
    assert changed.changes == '{"before":{"name":"Bar"},"after":{"name":"Kitchen"}}'
