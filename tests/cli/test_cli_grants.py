import asyncio
import re
import shlex
from typing import Any

import aiohttp
import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.dialects import yzb
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.terminals import authorize_by_key, authorize_by_secret
from tests.cli.conftest import Cli
from tests.cli.issuing import checks, user_tokens, worker
from tests.helpers.postgres import database_at
from tests.issuer.dialects.serving import serving

REDIRECT = "https://shop.example/callback"
MSIGN = "0123456789ab"
PERMISSIONS = ["user/get_user_base_info", "user/other"]
GRANT_CODE = ("grant", "code", "--app", "1", "--user", "ann")


@pytest.fixture
def shops(cli: Cli) -> Cli:
    for app_id in ("1", "2"):
        cli("app", "add", "S", "--realm", "mall", "--app-id", app_id, "--redirect-uri", REDIRECT)
    for login in ("ann", "bob"):
        cli("user", "add", login, "--realm", "mall", "--no-password")
    return cli


@pytest.fixture
def printers(cli: Cli) -> Cli:
    cli("user", "add", "ann", "--realm", "yilianyun", "--no-password")
    cli("app", "add", "P", "--realm", "yilianyun", "--app-id", "7", "--redirect-uri", REDIRECT)
    for code in ("4004", "4005"):
        added = cli(
            "machine", "add", code, "--owner", "ann", "--name", "Counter", "--msign-stdin", given=MSIGN
        )
        assert added.json["outcome"] == "added"
    return cli


def numbers(found: Any) -> list[tuple[str, str]]:
    return [(each["app_id"], each["user"]) for each in found]


async def test_an_ended_grant_is_refused_by_the_next_check_on_a_worker_that_runs(shops: Cli) -> None:
    run = asyncio.to_thread
    async with worker(shops) as issuers:
        mall = issuers["mall"]
        kept = await user_tokens(mall, "1", "bob")
        ended = await user_tokens(mall, "1", "ann")
        other = await user_tokens(mall, "2", "ann")
        listed = (await run(shops.process, "grant", "list")).json
        assert numbers(listed) == [("2", "ann"), ("1", "ann"), ("1", "bob")]  # newest first
        assert {each["state"] for each in listed} == {"live"}
        assert all(kept.access_token not in str(each) for each in listed)
        for options, expected in (
            (("--app", "1"), [("1", "ann"), ("1", "bob")]),
            (("--user", "ann"), [("2", "ann"), ("1", "ann")]),
            (("--app", "1", "--user", "ann"), [("1", "ann")]),
            (("--limit", "1"), [("2", "ann")]),
            (("--realm", "yzb"), []),
        ):
            assert numbers((await run(shops.process, "grant", "list", *options)).json) == expected
        (number,) = [each["grant"] for each in listed if numbers([each]) == [("1", "ann")]]
        assert (await run(shops.process, "grant", "end", str(number))).json["outcome"] == "ended"
        assert await checks(mall, ended) is Kind.INVALID_ACCESS_TOKEN
        assert await checks(mall, kept) is None
        assert await checks(mall, other) is None
        again = await run(shops.process, "grant", "end", str(number))
        assert again.code == 1
        assert "no open grant" in again.stderr


def test_a_code_that_is_out_is_a_grant_too(shops: Cli) -> None:
    made = shops("grant", "code", "--app", "1", "--user", "ann", "--redirect-uri", REDIRECT).json
    assert made["expires_in"] == 30

    async def spend() -> str:
        async with worker(shops) as issuers:
            app = await issuers["mall"].store.find_app("mall", "1")
            assert app is not None
            return (await redeem(issuers["mall"], app, made["code"], redirect_uri=REDIRECT)).open_id

    assert asyncio.run(spend())
    second = shops("grant", "code", "--app", "1", "--user", "ann", "--value").stdout.strip()
    assert second != made["code"]
    listed = shops("grant", "list")
    assert [each["state"] for each in listed.json] == ["issued", "live"]
    assert second not in listed.stdout
    shops("app", "disable", "1")
    assert {each["state"] for each in shops("grant", "list").json} == {"unusable"}
    assert "code issued" not in shops.terminal("grant", "list").stdout


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_place")
    return str(request.param)


@pytest.fixture
async def stored(engine: str, cli: Cli) -> Cli:
    """The command line on each engine, with an app of the yzb platform and a user."""
    if engine == "postgresql":
        cli.env["LINGPAI_STORE"] = await database_at(cli.home)
    await asyncio.to_thread(fill, cli)
    return cli


def fill(cli: Cli) -> None:
    permissions = [word for name in PERMISSIONS for word in ("--permission", name)]
    cli("app", "add", "S", "--realm", "yzb", "--app-id", "1", *permissions)
    cli("user", "add", "ann", "--realm", "yzb", "--no-password")


async def test_a_code_counts_as_its_user_s_consent(stored: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the command to the calls that need it, which answer 4104 and 4103 without."""
    for name, value in stored.env.items():
        monkeypatch.setenv(name, value)
    secret = (await asyncio.to_thread(stored.process, "app", "rotate-secret", "1")).json["secret"]
    code = (await asyncio.to_thread(stored.process, *GRANT_CODE)).json["code"]
    async with (
        worker(stored) as issuers,
        serving(yzb.routes(issuers["yzb"]), (("", yzb.SHAPE),)) as url,
        aiohttp.ClientSession() as http,
    ):

        async def ask(path: str, **params: str) -> Any:
            async with http.post(url + path, data={"app_id": "1", **params}) as response:
                answer = await response.json()
            assert str(answer["status"]) == "2000", answer
            return answer["data"]

        user = await ask("/OAuth2/token", secret=secret, grant_type="authorization_code", code=code)
        app = await ask("/OAuth2/token", secret=secret, grant_type="client_credential")
        named = {"open_id": user["open_id"], "access_token": app["access_token"]}
        assert (await ask("/UserResource/getAppIsAdded", **named))["is_added"] is True
        assert await ask("/UserResource/getAppAccess", **named) == PERMISSIONS
        assert set(await ask("/UserResource/getUserBaseInfo", **named)) == {"nick", "avatar", "sex"}
        counted = {"access_token": app["access_token"]}
        await asyncio.to_thread(stored.process, *GRANT_CODE)  # again changes nothing
        assert (await ask("/CommonResource/getUserCount", **counted))["user_count"] == 1
        assert await ask("/UserResource/getAppAccess", **named) == PERMISSIONS


def test_a_refused_code_adds_no_app(printers: Cli) -> None:
    printers("user", "add", "bob", "--realm", "yilianyun", "--no-password")
    refused = printers("grant", "code", "--app", "7", "--user", "bob", "--machine", "4004")
    assert refused.code == 1

    async def added() -> int:
        async with worker(printers) as issuers:
            app = await issuers["yilianyun"].store.find_app("yilianyun", "7")
            assert app is not None
            return await issuers["yilianyun"].store.count_members(app.id)

    assert asyncio.run(added()) == 0


def test_lists_go_on_where_they_were_cut_off(printers: Cli) -> None:
    for login in ("bob", "Cy Doe"):
        printers("user", "add", login, "--realm", "yilianyun", "--no-password")
    for terminal in ("4004", "4005", "4004"):
        printers("grant", "code", "--app", "7", "--user", "ann", "--machine", terminal)
    for command, name in (
        (("user", "list", "--realm", "yilianyun"), "login"),
        (("machine", "list"), "machine_code"),
        (("machine", "list", "--owner", "ann"), "machine_code"),
        (("grant", "list", "--app", "7"), "grant"),
        (("grant", "list", "--machine", "4004"), "grant"),
        (("grant", "list"), "grant"),
    ):
        whole = printers(*command)
        assert (len(whole.json) > 1, whole.stderr) == (True, "")
        found: list[Any] = []
        options: list[str] = []
        while True:
            page = printers(*command, "--limit", "1", *options)
            found += page.json
            if not page.stderr:
                break
            answer = re.search(
                r"(--(?:realm \w+ --)?(?:after|before) .+), or", page.stderr.replace("\n", " ")
            )
            assert answer is not None
            options = [word for word in shlex.split(answer[1]) if word]
            options = options[options.index("--after") :] if "--after" in options else options
        assert [each[name] for each in found] == [each[name] for each in whole.json]


def test_a_shown_key_authorises_once_and_is_good_for_five_minutes(printers: Cli) -> None:
    shown = printers("machine", "qr", "4004").json
    assert shown["expires_in"] == 300

    async def authorise() -> str:
        async with worker(printers) as issuers:
            issuer = issuers["yilianyun"]
            app = await issuer.store.find_app("yilianyun", "7")
            assert app is not None
            tokens = await authorize_by_key(issuer, app, "4004", shown["qr_key"], "all")
            with pytest.raises(LingpaiError) as refused:
                await authorize_by_key(issuer, app, "4004", shown["qr_key"], "all")
            assert refused.value.kind is Kind.WRONG_TERMINAL_KEY
            return tokens.machine_code

    assert asyncio.run(authorise()) == "4004"
    (listed,) = printers("grant", "list", "--machine", "4004").json
    assert (listed["machine_code"], listed["user"]) == ("4004", "ann")
    assert printers("grant", "list", "--machine", "4005").json == []


def test_terminals_are_listed_replaced_and_removed(printers: Cli) -> None:
    assert [each["machine_code"] for each in printers("machine", "list", "--owner", "ann").json] == [
        "4004",
        "4005",
    ]
    replaced = printers("machine", "add", "4004", "--name", "Kitchen").json
    assert (replaced["outcome"], replaced["owner"], replaced["msign"]) == ("replaced", None, True)

    async def authorise() -> None:
        async with worker(printers) as issuers:
            app = await issuers["yilianyun"].store.find_app("yilianyun", "7")
            assert app is not None
            await authorize_by_secret(issuers["yilianyun"], app, "4004", MSIGN, "all")

    asyncio.run(authorise())  # the secret stayed
    assert printers("machine", "remove", "4004").code == 2
    assert printers("machine", "remove", "4004", "--yes").json["outcome"] == "removed"
    assert printers("machine", "qr", "4004").code == 1
    assert len(printers("machine", "list").json) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("machine", "add", "4006", "--owner", "nobody"), 1),
        (("machine", "add", "40/06"), 2),
        (("machine", "list", "--owner", "nobody"), 1),
        (("grant", "list", "--machine", "4009"), 1),
        (("grant", "list", "--app", "9"), 1),
        (("grant", "list", "--user", "nobody"), 1),
        (("grant", "end", "99"), 1),
        (("grant", "code", "--app", "9", "--user", "ann"), 1),
        (("grant", "code", "--app", "7", "--user", "ann", "--machine", "4009"), 1),
        (("grant", "code", "--app", "7", "--user", "ann", "--redirect-uri", "https://evil.example/"), 1),
    ],
)
def test_what_does_not_exist_is_reported_in_one_line(
    printers: Cli, arguments: tuple[str, ...], code: int
) -> None:
    refused = printers(*arguments)
    assert refused.code == code
    assert len(refused.stderr.strip().splitlines()) == 1


def test_no_terminals_secret_is_shown(printers: Cli) -> None:
    for answer in (printers("machine", "list"), printers("machine", "add", "4004")):
        assert MSIGN not in answer.stdout + answer.stderr
