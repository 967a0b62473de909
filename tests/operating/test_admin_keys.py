"""Keys end anywhere: admin keys, sessions of the console, encryption keys; and the first one is made by the service."""

import stat
from pathlib import Path

import pytest

from lingpai.console.sessions import Entrance, Sessions, make_link
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.operating import keys
from lingpai.operating.keys import BOOTSTRAP, Doorkeeper, add_key, write_first_key
from lingpai.operating.repeats import UNDER_WAY
from lingpai.operating.sealing import SETTLED
from tests.operating.conftest import OPERATOR, SECRET, Admin


async def rows(admin: Admin, action: str) -> list[tuple[str, str, str]]:
    found = await admin.keeper.store.read_audit(0, 1000)
    return [(row.target, row.actor_kind, row.outcome) for row in found if row.action == action]


async def test_an_admin_key_ends_at_once(admin: Admin) -> None:
    other = await admin.as_role("operator")
    name = (await other.get("/whoami"))["name"]
    assert (await other.ask("DELETE", f"/admins/{name}")).status_code == 403
    gone = await admin.ask("DELETE", f"/admins/{name}")
    assert (gone.status_code, gone.json["name"]) == (200, name)
    assert (await other.ask("GET", "/whoami")).status_code == 401
    assert (await admin.ask("DELETE", f"/admins/{name}")).status_code == 404
    assert await rows(admin, "admin.remove") == [(name, "admin", "done")]


async def test_a_session_of_the_console_ends_at_once(admin: Admin) -> None:
    keeper = admin.keeper.by(OPERATOR)
    sessions = Sessions(admin.keeper, Doorkeeper(admin.keeper))
    operator = await sessions.begin(await make_link(keeper, "eve"), Entrance("127.0.0.1"))
    await make_link(keeper, "bob", "viewer")
    listed = (await admin.get("/sessions"))["items"]
    assert {(each["name"], each["link"]) for each in listed} == {("eve", False), ("bob", True)}
    (held,) = [each for each in listed if each["name"] == "eve"]
    assert operator.secret not in str(listed)
    viewer = await admin.as_role("viewer")
    assert (await viewer.ask("GET", "/sessions")).status_code == 403
    assert (await admin.ask("DELETE", f"/sessions/{held['session']}")).status_code == 200
    assert await sessions.find(operator.secret, "127.0.0.1") is None
    assert (await admin.ask("DELETE", f"/sessions/{held['session']}")).status_code == 404
    assert await rows(admin, "console.end") == [("eve", "admin", "done")]


async def test_no_key_turns_or_goes_without_a_row(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    await admin.create("/accounts/wechat/wx1/-", {"secret": SECRET})

    def full(_ring: KeyRing, _given: float) -> None:
        raise KeyRingError("The key ring cannot be written and is unchanged: no space left")

    with monkeypatch.context() as patched:
        patched.setattr(KeyRing, "rotate", full)
        assert (await admin.ask("POST", "/keys/rotate", {})).status_code == 409
    assert await rows(admin, "key.rotate") == []
    key = (await admin.ask("POST", "/keys/rotate", {})).json["key"]
    assert await rows(admin, "key.rotate") == [(str(key), "admin", "done")]
    assert (await admin.ask("POST", "/keys/reseal", {})).json == {"key": key, "resealed": 0}
    assert await rows(admin, "key.reseal") == []
    first = next(each.id for each in admin.keeper.ring.keys if each.id != key)
    admin.clock.advance(SETTLED)
    with monkeypatch.context() as patched:
        patched.setattr(KeyRing, "retire", full)
        assert (await admin.ask("DELETE", f"/keys/{first}")).status_code == 409
    assert (await admin.ask("DELETE", f"/keys/{first}")).status_code == 200
    assert await rows(admin, "key.retire") == [
        (str(first), "admin", outcome) for outcome in ("done", "refused", "done")
    ]


async def test_no_first_key_is_made_where_there_was_one(admin: Admin, tmp_path: Path) -> None:
    path = tmp_path / "first"
    assert not await write_first_key(admin.keeper, path)  # there is one already
    assert not path.exists()


async def test_only_one_process_makes_the_first_key(
    admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = admin.keeper.store

    async def none() -> tuple[()]:
        return ()

    monkeypatch.setattr(type(store), "list_admin_keys", lambda _store: none())
    path = tmp_path / "first"
    assert await write_first_key(admin.keeper, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = Admin(admin.keeper, admin.direct, admin.clock, admin.issuers, path.read_text().strip())
    assert (await first.get("/whoami"))["role"] == "owner"
    assert not await write_first_key(admin.keeper, path)
    assert not await write_first_key(admin.keeper, tmp_path / "second")  # the name is taken
    assert not (tmp_path / "second").exists()
    await add_key(admin.keeper.by(OPERATOR), "ann", "viewer")
    assert (await first.ask("GET", "/whoami")).status_code == 401
    assert (BOOTSTRAP, "cli", "done") in await rows(admin, "admin.remove")


async def test_a_start_that_broke_off_leaves_no_key_that_nobody_knows(
    admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, path = admin.keeper.store, tmp_path / "first"

    async def none(_store: object) -> tuple[()]:
        return ()

    async def die(*_given: object, **_named: object) -> None:
        raise LingpaiError(Kind.STORE_UNAVAILABLE, "The store does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "list_admin_keys", none)
        patched.setattr(keys, "add_key", die)
        with pytest.raises(LingpaiError):
            await write_first_key(admin.keeper, path)
    text = path.read_text()
    with monkeypatch.context() as patched:
        patched.setattr(type(store), "list_admin_keys", none)
        assert await write_first_key(admin.keeper, path)
        assert path.read_text() == text
        assert not await write_first_key(admin.keeper, path)  # another process with the same file
        assert path.read_text() == text
    first = Admin(admin.keeper, admin.direct, admin.clock, admin.issuers, text.strip())
    assert (await first.get("/whoami"))["role"] == "owner"


@pytest.mark.parametrize(("content", "made"), [("", True), ("something else", False)])
async def test_an_empty_file_gets_the_first_key_and_another_stays(
    admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, made: bool
) -> None:
    path = tmp_path / "first"
    path.write_text(content)
    assert not await write_first_key(admin.keeper, path)  # there are keys

    async def none(_store: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(type(admin.keeper.store), "list_admin_keys", none)
    assert await write_first_key(admin.keeper, path) == made
    assert path.read_text().startswith("lpa_" if made else content)


async def test_a_request_whose_process_died_is_not_under_way_for_a_day(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    await admin.create("/callers/shop", {})

    async def die(*_given: object) -> None:
        raise LingpaiError(Kind.STORE_UNAVAILABLE, "The store does not answer.")

    with monkeypatch.context() as patched:  # the answer was never kept, as when the process is killed
        patched.setattr(type(admin.keeper.store), "keep_answer", die)
        assert (await admin.ask("POST", "/callers/shop/keys", {}, idempotency_key="a")).status_code == 503
    assert (await admin.ask("POST", "/callers/shop/keys", {}, idempotency_key="a")).status_code == 409
    admin.clock.advance(UNDER_WAY + 1)
    assert (await admin.ask("POST", "/callers/shop/keys", {}, idempotency_key="a")).status_code == 200
