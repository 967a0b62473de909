import asyncio
import json
from typing import Any

import pytest

from lingpai.core.errors import LingpaiError
from lingpai.issuer.verbs.apps import authenticate_app
from lingpai.issuer.verbs.terminals import check_secret_of
from tests.cli.conftest import Answer, Cli
from tests.cli.issuing import worker

SECRET = "5e" * 20
OTHER = "07" * 20
REDIRECT = "https://shop.example/callback"

DECLARED = f"""
[[machines]]
machine_code = "4004"
owner = "ann"
name = "Counter"
msign = "env:MSIGN"

[[users]]
realm = "mall"
login = "ann"
password = "env:PASSWORD"
seller_name = "Ann's shop"

[[users]]
realm = "yilianyun"
login = "ann"

[[apps]]
realm = "mall"
app_id = "100001"
name = "Shop"
secret = "env:SECRET"
redirect_uris = ["{REDIRECT}"]

[[apps]]
realm = "yilianyun"
app_id = "2015"
mode = "self_owned"
"""
SECRETS = {"MSIGN": "0123456789ab", "PASSWORD": "correct horse", "SECRET": SECRET}


def apply(
    cli: Cli, content: str | dict[str, Any], *options: str, env: dict[str, str] | None = None
) -> Answer:
    file = cli.home / ("declared.toml" if isinstance(content, str) else "declared.json")
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    file.chmod(0o600)
    return cli("apply", str(file), *options, env={**SECRETS, **(env or {})})


def changed(answer: Answer) -> list[tuple[str, str, str, list[str]]]:
    return [
        (each["section"], each["action"], each["name"], each["fields"])
        for each in answer.json["changes"]
        if each["action"] != "keep"
    ]


async def knows(cli: Cli, realm: str, app_id: str, secret: str) -> bool:
    async with worker(cli) as issuers:
        try:
            await authenticate_app(issuers[realm], app_id, secret, "127.0.0.1")
        except LingpaiError:
            return False
        return True


def test_a_file_is_applied_once_and_then_changes_nothing(cli: Cli) -> None:
    first = apply(cli, DECLARED)
    assert changed(first) == [
        ("users", "add", "mall/ann", []),
        ("users", "add", "yilianyun/ann", []),
        ("apps", "add", "mall/100001", []),
        ("apps", "add", "yilianyun/2015", []),
        ("machines", "add", "yilianyun/4004", []),
    ]
    assert list(first.json["keys"]) == ["yilianyun/2015"]  # the other one is known already
    for text in SECRETS.values():
        assert text not in first.stdout + first.stderr
    assert asyncio.run(knows(cli, "mall", "100001", SECRET))
    assert asyncio.run(knows(cli, "yilianyun", "2015", first.json["keys"]["yilianyun/2015"]))
    (terminal,) = cli("machine", "list").json
    assert (terminal["owner"], terminal["name"]) == ("ann", "Counter")
    again = apply(cli, DECLARED)
    assert changed(again) == []
    assert again.json["keys"] == {}


def test_what_differs_is_changed_and_named_without_its_value(cli: Cli) -> None:
    made = apply(cli, DECLARED).json["keys"]["yilianyun/2015"]
    text = DECLARED.replace('mode = "self_owned"', 'mode = "open"\nlisted = false').replace(
        "Counter", "Kitchen"
    )
    answer = apply(cli, text, env={"SECRET": OTHER, "PASSWORD": "another password", "MSIGN": "ba9876543210"})
    assert changed(answer) == [
        ("users", "change", "mall/ann", ["password"]),
        ("apps", "change", "mall/100001", ["secret"]),
        ("apps", "change", "yilianyun/2015", ["mode", "listed"]),
        ("machines", "change", "yilianyun/4004", ["name", "msign"]),
    ]
    assert asyncio.run(knows(cli, "mall", "100001", OTHER))
    assert asyncio.run(knows(cli, "mall", "100001", SECRET)), "the one before stays good for its overlap"
    assert asyncio.run(knows(cli, "yilianyun", "2015", made)), "a secret that the file does not give stays"

    async def check() -> None:
        async with worker(cli) as issuers:
            terminal = await check_secret_of(issuers["yilianyun"], "4004", "ba9876543210")
            assert terminal.name == "Kitchen"
            known = await issuers["mall"].store.find_login("mall", "ann")
            assert known is not None
            assert await issuers["mall"].passwords.verify(known[1], "another password")

    asyncio.run(check())
    assert (
        changed(
            apply(cli, text, env={"SECRET": OTHER, "PASSWORD": "another password", "MSIGN": "ba9876543210"})
        )
        == []
    )


def test_a_rotated_secret_is_left_alone_where_the_file_gives_none(cli: Cli) -> None:
    apply(cli, DECLARED)
    rotated = cli("app", "rotate-secret", "2015").json["secret"]
    assert changed(apply(cli, DECLARED)) == []
    assert asyncio.run(knows(cli, "yilianyun", "2015", rotated))


def test_a_public_client_that_becomes_confidential_gets_a_secret(cli: Cli) -> None:
    public = {"apps": [{"realm": "mall", "app_id": "1", "public": True, "redirect_uris": [REDIRECT]}]}
    assert apply(cli, public).json["keys"] == {}
    public["apps"][0]["public"] = False
    answer = apply(cli, public)
    assert changed(answer) == [("apps", "change", "mall/1", ["public", "secret"])]
    assert asyncio.run(knows(cli, "mall", "1", answer.json["keys"]["mall/1"]))


def test_prune_removes_what_sections_do_not_name(cli: Cli) -> None:
    apply(cli, DECLARED)
    kept = DECLARED[: DECLARED.index("[[apps]]")].replace(
        'realm = "mall"\nlogin = "ann"', 'realm = "mall"\nlogin = "bob"'
    )
    assert changed(apply(cli, kept, "--prune")) == [
        ("users", "add", "mall/bob", []),
        ("users", "remove", "mall/ann", []),
    ]
    assert len(cli("app", "list").json) == 2  # a section that the file does not have
    assert changed(apply(cli, {"apps": [], "machines": []}, "--prune")) == [
        ("apps", "remove", "mall/100001", []),
        ("apps", "remove", "yilianyun/2015", []),
        ("machines", "remove", "yilianyun/4004", []),
    ]
    assert cli("app", "list").json == cli("machine", "list").json == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"apps": [{"app_id": "1"}]}, "--realm"),
        ({"apps": [{"realm": "taobao", "app_id": "1"}]}, "no realm taobao"),
        ({"apps": [{"realm": "mall", "app_id": ""}]}, "app_id is missing"),
        ({"apps": [{"realm": "mall", "app_id": "1", "redirect_uris": ["http://a.example"]}]}, "redirect URI"),
        ({"apps": [{"realm": "mall", "app_id": "1", "public": True, "secret": "x"}]}, "public client"),
        ({"apps": [{"realm": "yzb", "app_id": "1", "public": True}]}, "has no public clients"),
        ({"apps": [{"realm": "mall", "app_id": "1"}] * 2}, "twice"),
        ({"apps": [{"realm": "mall", "app_id": "1", "secret": "env:NOWHERE"}]}, "NOWHERE"),
        ({"apps": [{"realm": "mall", "app_id": "1", "colour": "red"}]}, "colour"),
        ({"users": [{"realm": "mall", "login": " "}]}, "login name"),
        ({"users": [{"realm": "mall", "login": "a", "sex": "4"}]}, "sex is"),
        ({"users": [{"realm": "mall", "login": "a"}] * 2}, "twice"),
        ({"machines": [{"machine_code": "1", "owner": "nobody"}]}, "no user nobody"),
        ({"machines": [{"machine_code": "1"}] * 2}, "twice"),
    ],
)
def test_a_file_with_a_mistake_changes_nothing(cli: Cli, content: dict[str, Any], said: str) -> None:
    refused = apply(cli, {"callers": [{"name": "first"}], **content})
    assert refused.code == 1
    assert said in refused.stderr
    cli("caller", "add", "probe")  # makes the store, where the file did not get so far
    assert len(cli("caller", "list").json) == 1
    assert cli("app", "list").json == cli("user", "list").json == []


def test_addresses_of_logout_are_declared_and_checked(cli: Cli) -> None:
    client = {
        "post_logout_redirect_uris": ["https://shop.example/bye"],
        "backchannel_logout_uri": "https://shop.example/logout",
        "backchannel_logout_session_required": True,
    }
    entry = {"realm": "oidc", "app_id": "shop", "name": "Shop", "client": client}
    assert changed(apply(cli, {"apps": [entry]})) == [("apps", "add", "oidc/shop", [])]
    assert changed(apply(cli, {"apps": [entry]})) == []
    shown = cli("app", "show", "shop", "--realm", "oidc").json["client"]
    assert {name: shown[name] for name in client} == client
    for name, wrong in (
        ("post_logout_redirect_uris", ["http://shop.example/bye"]),
        ("backchannel_logout_uri", "https://shop.example/logout#there"),
    ):
        refused = apply(cli, {"apps": [entry | {"client": client | {name: wrong}}]})
        assert refused.code == 1, name
