"""Declarations, exports, examinations and imports by the admin API: rights, large bodies, and what stops half-way."""

import asyncio
import json
from typing import Any

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.user_imports import BATCH
from lingpai.keeper.keeper import Keeper
from lingpai.operating.resources.user_imports import MOST_KNOWN_BYTES
from lingpai.operating.sections import callers
from lingpai.operating.sections.section import Section
from tests.helpers.direct import Result
from tests.operating.conftest import SECRET, Admin

ACCOUNT = {"platform": "wechat", "account": "wx1", "secret": SECRET}
STATE = {"accounts": [ACCOUNT], "callers": [{"name": "shop"}], "users": [{"login": "ann", "realm": "mall"}]}


def lines(answer: Result) -> list[Any]:
    """The documents of an answer; the lines between them are the sizes of its chunks."""
    return [json.loads(line) for line in answer.text.splitlines() if line.startswith("{")]


async def import_users(admin: Admin, rows: list[Any], path: str = "/realms/mall/users:import") -> Result:
    return await admin.direct.ask(
        "POST",
        "/admin/v1" + path,
        headers={"authorization": f"Bearer {admin.key}", "content-type": "application/x-ndjson"},
        body="\n".join(map(json.dumps, rows)).encode(),
    )


async def test_declarations_are_applied_once_and_exported_without_secrets(admin: Admin) -> None:
    tried = (await admin.ask("POST", "/apply?dry_run=1", STATE)).json
    assert (tried["dry_run"], tried["keys"], await admin.trail()) == (True, {}, [])
    done = (await admin.ask("POST", "/apply", STATE)).json
    assert [each["action"] for each in done["changes"]] == ["add"] * 3
    assert done["keys"]["shop"].startswith("lpk_")
    exported = await admin.ask("GET", "/export")
    assert exported.headers["content-type"] == "application/x-ndjson"
    assert SECRET not in exported.text
    again: dict[str, list[Any]] = {}
    for line in lines(exported):
        again.setdefault(line["section"], []).append(line["entry"])
    assert {name: len(entries) for name, entries in again.items()} == {
        "accounts": 1,
        "callers": 1,
        "users": 1,
    }
    kept = (await admin.ask("POST", "/apply?prune=1", again)).json
    assert {each["action"] for each in kept["changes"]} == {"keep"}


async def test_a_secret_that_is_left_out_stays_and_an_empty_one_goes(admin: Admin) -> None:
    third = {"platform": "wechat_component", "account": "wxp", "secret": SECRET, "callback_token": "t0ken"}
    third["encoding_key"] = "a" * 43
    await admin.ask("POST", "/apply", {"accounts": [third]})
    left_out = {"platform": "wechat_component", "account": "wxp"}
    kept = (await admin.ask("POST", "/apply", {"accounts": [left_out]})).json
    assert kept["changes"][0]["action"] == "keep"
    (stored,) = await admin.keeper.store.find_accounts("wechat_component", "wxp")
    assert (stored.secret, stored.callback_token) == (SECRET, "t0ken")


@pytest.mark.parametrize("reference", ["env:HOME", "file:/etc/hostname"])
async def test_the_service_reads_no_file_and_no_variable_for_its_callers(
    admin: Admin, reference: str
) -> None:
    answer = await admin.ask("POST", "/apply", {"accounts": [{**ACCOUNT, "secret": reference}]})
    assert (answer.status_code, "send the secret itself" in answer.json["title"]) == (400, True)
    assert (await admin.get("/accounts"))["items"] == []


async def test_each_wing_needs_its_own_right(admin: Admin) -> None:
    users, viewer = await admin.as_role("users@mall"), await admin.as_role("viewer")
    assert (await users.ask("POST", "/apply", {"users": []})).status_code == 403
    assert (await users.ask("POST", "/apply", {})).status_code == 403
    assert (await users.ask("GET", "/export")).status_code == 403
    assert (await viewer.ask("POST", "/apply", {"callers": []})).status_code == 403
    assert (await viewer.ask("POST", "/doctor", {"offline": True})).status_code == 403
    assert (await viewer.ask("GET", "/export")).status_code == 200
    assert (await import_users(viewer, [{"login": "ann"}])).status_code == 403
    assert (await import_users(users, [{"login": "ann"}])).status_code == 200
    assert (await import_users(users, [{"login": "ann"}], "/realms/yzb/users:import")).status_code == 403
    nobody = Admin(admin.keeper, admin.direct, admin.clock, admin.issuers)
    assert (await nobody.ask("POST", "/apply", STATE)).status_code == 401


async def test_keys_that_were_made_are_answered_although_the_rest_failed(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = callers._add

    async def fail_for_one(keeper: Keeper, caller: Any, key: str) -> None:
        if caller.name == "fails":
            raise LingpaiError(Kind.STORE_UNAVAILABLE, "The store does not answer.")
        await add(keeper, caller, key)

    monkeypatch.setattr(callers, "_add", fail_for_one)
    answer = await admin.ask("POST", "/apply", {"callers": [{"name": "first"}, {"name": "fails"}]})
    assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")
    assert list(answer.json["made"]["keys"]) == ["first"]


SHOP = {"app_id": "77", "realm": "mall", "name": "Shop", "redirect_uris": ["https://shop.example.com/back"]}


async def test_a_repeated_application_shows_the_same_keys(admin: Admin) -> None:
    body: dict[str, list[Any]] = {"callers": [{"name": "a"}, {"name": "b"}], "apps": [SHOP]}
    first = await admin.ask("POST", "/apply", body, idempotency_key="1")
    again = await admin.ask("POST", "/apply", body, idempotency_key="1")
    assert len(set(first.json["keys"].values())) == len(body["callers"] + body["apps"])
    assert again.json == first.json
    for name in ("a", "b"):
        digest = admin.keeper.digest_caller_key(again.json["keys"][name])
        found = await admin.keeper.store.find_caller(digest)
        assert found is not None
        assert found.name == name
    admin.clock.advance(601)
    late = await admin.ask("POST", "/apply", body, idempotency_key="1")
    assert late.json == first.json | {"keys": None, "hint": "rotate"}


async def test_an_application_that_makes_no_key_says_so_again(admin: Admin) -> None:
    await admin.ask("POST", "/apply", {"callers": [{"name": "a"}]})
    for _ in range(2):
        answer = await admin.ask("POST", "/apply", {"callers": [{"name": "a"}]}, idempotency_key="1")
        assert (answer.json["keys"], "hint" in answer.json) == ({}, False)


async def test_an_application_goes_on_when_its_peer_leaves(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, begun, go_on = callers._add, asyncio.Event(), asyncio.Event()

    async def add_late(keeper: Keeper, caller: Any, key: str) -> None:
        begun.set()
        await go_on.wait()
        await add(keeper, caller, key)

    monkeypatch.setattr(callers, "_add", add_late)
    body = {"callers": [{"name": "a"}]}
    asked = asyncio.create_task(admin.ask("POST", "/apply", body, idempotency_key="1"))
    await begun.wait()
    asked.cancel()  # the connection is lost
    await asyncio.wait((asked,))
    under_way = await admin.ask("POST", "/apply", body, idempotency_key="1")
    assert under_way.status_code == 409
    go_on.set()
    await admin.direct.finish()
    again = (await admin.ask("POST", "/apply", body, idempotency_key="1")).json
    found = await admin.keeper.store.find_caller(admin.keeper.digest_caller_key(again["keys"]["a"]))
    assert found is not None


async def test_an_examination_says_the_same_in_both_languages(admin: Admin) -> None:
    english = (await admin.ask("POST", "/doctor", {"offline": True})).json
    chinese = (await admin.ask("POST", "/doctor?offline=1", {}, accept_language="zh")).json
    assert english["healthy"] == chinese["healthy"]
    assert {(each["check"], each["verdict"]) for each in english["findings"]} == {
        (each["check"], each["verdict"]) for each in chinese["findings"]
    }
    messages = [{each["message"] for each in found["findings"]} for found in (english, chinese)]
    assert "It reads and writes." in messages[0]
    assert not messages[0] & messages[1]


async def test_users_come_in_batches_and_each_has_its_line(admin: Admin) -> None:
    rows = [{"login": f"u{number}"} for number in range(BATCH + 2)]
    answer = await import_users(admin, rows)
    assert lines(answer) == [
        {"added": BATCH, "kept": 0, "faults": []},
        {"added": 2, "kept": 0, "faults": []},
    ]
    batches = [action for action, _ in await admin.trail() if action == "user.import"]
    assert len(batches) == 2  # a row of the audit trail for each
    faulty = [
        {"login": "new"},
        {"login": "new"},
        {"login": 7},
        {"name": "x"},
        {"login": "v", "password_hash": "x"},
    ]
    (report,) = lines(await import_users(admin, faulty))
    assert (report["added"], [each["row"] for each in report["faults"]]) == (0, [2, 3, 4, 5])


async def test_an_import_keeps_little_in_memory(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"app": "77", "login": "ann", "open_id": "o1", name: "x" * 60_000}
        for name in ("app", "login", "open_id")
    ]
    for row in rows:
        refused = await import_users(admin, [row], "/realms/mall/users:import-open-ids")
        assert (refused.status_code, "512" in refused.text) == (400, True), refused.text
    declared = b"content-length: %d\r\n" % (MOST_KNOWN_BYTES + 1)
    head = b"POST /admin/v1/realms/mall/users:import-open-ids HTTP/1.1\r\nhost: 127.0.0.1\r\n" + declared
    large = await admin.direct.ask_bytes(head + f"authorization: Bearer {admin.key}\r\n\r\n".encode())
    assert large.status_code == 413
    (report,) = lines(
        await import_users(admin, [{"login": "ann", "nick": "x" * 60_000}, {"login": ["x" * 60_000]}])
    )
    assert [len(each["login"]) <= 128 for each in report["faults"]] == [True, True]


async def test_a_login_of_an_earlier_batch_is_there_already(admin: Admin) -> None:
    rows = [{"login": f"u{number}"} for number in range(BATCH)]
    first, second = lines(await import_users(admin, [*rows, {"login": "u1"}]))
    assert (first["added"], second) == (BATCH, {"added": 0, "kept": 1, "faults": []})
    (_, other) = lines(await import_users(admin, [*rows, {"login": "U1"}]))
    assert [each["row"] for each in other["faults"]] == [BATCH + 1]


@pytest.mark.parametrize(
    "body", [b"[1]", b"{", b'{"login":"a"}\n{"login":"b","login":"c"}', b"\xff", b"x" * 70_000]
)
async def test_rows_that_are_none_are_refused(admin: Admin, body: bytes) -> None:
    answer = await admin.direct.ask(
        "POST",
        "/admin/v1/realms/mall/users:import",
        headers={"authorization": f"Bearer {admin.key}"},
        body=body,
    )
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await admin.get("/realms/mall/users"))["items"] == []


async def test_what_goes_wrong_after_the_first_batch_is_the_last_line(admin: Admin) -> None:
    rows = [*({"login": f"u{number}"} for number in range(BATCH)), "none"]
    first, last = lines(await import_users(admin, rows))
    assert (first["added"], last["error"]["code"]) == (BATCH, "malformed_body")


async def test_a_user_is_never_enabled_with_the_earlier_password(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = {"realm": "mall", "login": "ann"}
    await admin.ask("POST", "/apply", {"users": [{**user, "password": "an earlier one", "disabled": True}]})
    issuer = admin.issuers["mall"]
    states: list[bool] = []
    hashed = issuer.passwords.hash

    async def seen(password: str) -> str:
        found = await issuer.store.find_login("mall", "ann")
        assert found is not None
        states.append(found[0].disabled)
        return await hashed(password)

    monkeypatch.setattr(issuer.passwords, "hash", seen)
    await admin.ask("POST", "/apply", {"users": [{**user, "password": "quite another one"}]})
    assert states == [True]
    found = await issuer.store.find_login("mall", "ann")
    assert found is not None
    assert not found[0].disabled


async def test_a_user_who_is_added_as_disabled_was_never_enabled(admin: Admin) -> None:
    await admin.ask("POST", "/apply", {"users": [{"realm": "mall", "login": "a", "disabled": True}]})
    await admin.ask("POST", "/realms/mall/users", {"login": "b", "disabled": True})
    trail = [action for action, _ in await admin.trail() if action.startswith("user.")]
    assert trail == ["user.add", "user.add"]
    for login in ("a", "b"):
        assert (await admin.get(f"/realms/mall/users?login={login}"))["items"][0]["disabled"] is True


async def test_a_file_is_read_once_however_many_entries_refer_to_others(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    plain = Section.read

    def counted(section: Section[Any], entries: Any) -> list[Any]:
        read.append(section.name)
        return plain(section, entries)

    monkeypatch.setattr(Section, "read", counted)
    realm = {"realm": "yilianyun"}
    users = [{**realm, "login": f"owner{number}"} for number in range(50)]
    machines = [{**realm, "machine_code": f"M{number}", "owner": f"owner{number}"} for number in range(50)]
    answer = await admin.ask("POST", "/apply", {"users": users, "machines": machines})
    assert answer.status_code == 200, answer.text
    assert sorted(read) == ["machines", "users", "users"]
    stray = await admin.ask(
        "POST", "/apply", {"machines": [{**realm, "machine_code": "M", "owner": "nobody"}]}
    )
    assert stray.status_code == 400
