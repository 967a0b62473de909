import asyncio
import json

import pytest

from lingpai.core.errors import Kind
from tests.cli.conftest import Cli
from tests.cli.issuing import checks, user_tokens, worker

REDIRECT = "https://shop.example/callback"


def add(cli: Cli, login: str, password: str = "correct horse", *options: str) -> None:
    added = cli("user", "add", login, "--realm", "mall", "--password-stdin", *options, given=password + "\n")
    assert added.code == 0, added.stderr


async def can_log_in(cli: Cli, login: str, password: str) -> bool:
    async with worker(cli) as issuers:
        known = await issuers["mall"].store.find_login("mall", login)
        assert known is not None
        return await issuers["mall"].passwords.verify(known[1], password)


def test_an_added_user_logs_in_with_the_password_that_was_piped_in(cli: Cli) -> None:
    add(cli, "ann", " with blanks ", "--nick", "Ann", "--sex", "2", "--seller-name", "Ann's shop")
    assert asyncio.run(can_log_in(cli, "ann", " with blanks "))
    assert not asyncio.run(can_log_in(cli, "ann", "with blanks"))
    (listed,) = cli("user", "list").json
    assert {
        "realm": "mall",
        "login": "ann",
        "nick": "Ann",
        "sex": "2",
        "seller_name": "Ann's shop",
    }.items() <= (listed.items())
    again = cli("user", "add", "ann", "--realm", "mall", "--no-password")
    assert again.code == 1
    assert "already" in again.stderr


def test_passwd_replaces_the_password(cli: Cli) -> None:
    cli("user", "add", "ann", "--realm", "mall", "--no-password")
    assert not asyncio.run(can_log_in(cli, "ann", ""))
    assert cli("user", "passwd", "ann", "--password-stdin", given="second password").code == 0
    assert asyncio.run(can_log_in(cli, "ann", "second password"))
    assert cli("user", "passwd", "nobody", "--password-stdin", given="x").code == 1


@pytest.mark.parametrize(
    ("given", "said"), [("", "empty"), ("x" * 1025, "1024 characters"), (None, "--password-stdin")]
)
def test_a_password_that_does_not_do_is_refused(cli: Cli, given: str | None, said: str) -> None:
    options = () if given is None else ("--password-stdin",)
    refused = cli("user", "add", "ann", "--realm", "mall", *options, given=given)
    assert refused.code == 2
    assert said in refused.stderr
    assert cli("user", "list").json == []


@pytest.mark.parametrize("login", ["", " ", "a\tb", "x" * 129])
def test_a_login_name_that_does_not_do_is_refused(cli: Cli, login: str) -> None:
    assert cli("user", "add", login, "--realm", "mall", "--no-password").code == 2


def test_a_terminal_asks_twice(cli: Cli) -> None:
    cli("caller", "add", "anybody")  # makes the store
    shown = cli.terminal("user", "add", "ann", "--realm", "mall", typed="pass word\npass word\n")
    assert shown.code == 0, shown.stdout
    assert "pass word" not in shown.stdout
    assert asyncio.run(can_log_in(cli, "ann", "pass word"))


async def test_the_next_check_of_a_disabled_user_says_so_on_a_worker_that_runs(cli: Cli) -> None:
    run = asyncio.to_thread
    app = (await run(cli.process, "app", "add", "S", "--realm", "mall", "--redirect-uri", REDIRECT)).json
    await run(cli.process, "user", "add", "ann", "--realm", "mall", "--no-password")
    async with worker(cli) as issuers:
        tokens = await user_tokens(issuers["mall"], app["app_id"], "ann")
        assert await checks(issuers["mall"], tokens) is None
        assert (await run(cli.process, "user", "disable", "ann")).json["disabled"] is True
        assert await checks(issuers["mall"], tokens) is Kind.INVALID_ACCESS_TOKEN
        await run(cli.process, "user", "enable", "ann")
        assert await checks(issuers["mall"], tokens) is None
        await run(cli.process, "user", "remove", "ann", "--yes")
        assert await checks(issuers["mall"], tokens) is Kind.INVALID_ACCESS_TOKEN


def table(cli: Cli, name: str, content: str) -> str:
    path = cli.home / name
    path.write_text(content, "utf-8")
    return str(path)


async def open_ids(cli: Cli, app_id: str) -> dict[str, str]:
    async with worker(cli) as issuers:
        store = issuers["mall"].store
        app = await store.find_app("mall", app_id)
        assert app is not None
        found = {}
        for member in await store.list_members(app.id, 0, 100):
            user = await store.find_user(member.user)
            assert user is not None
            found[user.login] = member.open_id
        return found


@pytest.fixture
def shops(cli: Cli) -> Cli:
    for app_id in ("1", "2"):
        cli("app", "add", "S", "--realm", "mall", "--app-id", app_id)
    add(cli, "ann")
    return cli


def test_open_ids_that_were_given_out_are_kept(shops: Cli) -> None:
    csv = table(shops, "ids.csv", "\ufeffapp,user,open_id\n1,ann,o-ann-1\n2,ann,o-ann-2\n1,bob,o-bob-1\n")
    refused = shops("user", "import", csv, "--realm", "mall")
    assert refused.code == 1
    assert "bob" in refused.stderr
    assert asyncio.run(open_ids(shops, "1")) == {}
    taken = shops("user", "import", csv, "--realm", "mall", "--add-users")
    assert taken.json == {"realm": "mall", "open_ids": 3, "users_added": 1}
    again = shops("user", "import", csv, "--realm", "mall", "--add-users")
    assert again.json == {"realm": "mall", "open_ids": 3, "users_added": 0}
    assert asyncio.run(open_ids(shops, "1")) == {"ann": "o-ann-1", "bob": "o-bob-1"}
    assert asyncio.run(open_ids(shops, "2")) == {"ann": "o-ann-2"}


def test_an_open_id_that_somebody_else_has_stops_the_whole_import(shops: Cli) -> None:
    add(shops, "bob")
    rows = [
        {"client_id": 1, "login": "ann", "open_id": "same"},
        {"client_id": 1, "login": "bob", "open_id": "same"},
    ]
    refused = shops("user", "import", table(shops, "ids.json", json.dumps(rows)), "--realm", "mall")
    assert refused.code == 1
    assert "taken" in refused.stderr
    again = ("user", "import", str(shops.home / "ids.json"), "--realm", "mall")
    assert "open_id same 已被占用" in shops(*again, env={"LC_ALL": "zh_CN.UTF-8"}).stderr
    assert asyncio.run(open_ids(shops, "1")) == {}
    fine = shops("user", "import", table(shops, "ids.json", json.dumps(rows[:1])), "--realm", "mall")
    assert fine.json["open_ids"] == 1
    other = [{"app": "1", "login": "ann", "open_id": "another"}]
    changed = shops("user", "import", table(shops, "ids.json", json.dumps(other)), "--realm", "mall")
    assert changed.code == 1
    assert asyncio.run(open_ids(shops, "1")) == {"ann": "same"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ids.csv", "app,login\n1,ann\n", "Row 1"),
        ("ids.csv", "app,login,open_id\n1,ann,x\n1,,y\n", "Row 2"),
        ("ids.csv", f"app,login,open_id\n1,ann,{'x' * 257}\n", "open_id"),
        ("ids.csv", 'app,login,open_id\n1,ann,"x\n', "cannot be understood"),
        ("ids.json", '{"app":1}', "cannot be understood"),
        ("ids.json", '[{"app":"3","login":"ann","open_id":"x"}]', "mall/3"),
    ],
)
def test_a_file_that_does_not_do_is_refused_with_the_row(
    shops: Cli, name: str, content: str, said: str
) -> None:
    refused = shops("user", "import", table(shops, name, content), "--realm", "mall")
    assert refused.code == 1
    assert said in refused.stderr
    assert asyncio.run(open_ids(shops, "1")) == {}


@pytest.mark.threat("B23")
def test_a_short_password_is_refused_in_one_line_and_a_realm_may_ask_for_less(cli: Cli) -> None:
    add = ("user", "add", "ann", "--realm", "mall", "--password-stdin")
    refused = cli(*add, given="1234567")
    assert (refused.code, "8 characters at least" in refused.stderr) == (2, True)
    assert cli("user", "list").json == []
    assert (
        cli(
            *add,
            given="x",
            env={"LINGPAI_REALMS": '{"mall": {"dialect": "mall", "policy": {"least_password": 1}}}'},
        ).code
        == 0
    )
    assert cli("user", "passwd", "ann", "--password-stdin", given="y").code == 2


@pytest.mark.threat("B23")
def test_a_login_is_kept_without_blanks_and_found_in_any_spelling(cli: Cli) -> None:
    add(cli, " Jose\u0301 ")
    (listed,) = cli("user", "list").json
    assert listed["login"] == "José"
    for again in ("JOSÉ", "ｊｏｓé", "josé "):
        refused = cli("user", "add", again, "--realm", "mall", "--no-password")
        assert (refused.code, "already" in refused.stderr) == (1, True)
    assert cli("user", "disable", "jose\u0301").json["disabled"] is True
