"""`lingpai resource`, and the section `resources` of `lingpai apply`."""

from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_cli_apply_issuer import apply, changed

ORDERS = "https://api.example/orders"
STOCK = "https://api.example"
DECLARED = f"""
[[resources]]
realm = "oidc"
uri = "{ORDERS}"
name = "Orders"
scopes = ["orders:read"]
introspector = "100002"

[[resources]]
realm = "oidc"
uri = "{STOCK}"
token_format = "jwt"
access = 300

[[apps]]
realm = "oidc"
app_id = "100002"
"""


@pytest.fixture
def server(cli: Cli) -> str:
    """The id of an app that a resource server is."""
    return str(cli("app", "add", "Orders", "--realm", "oidc").json["app_id"])


def test_what_is_said_of_one_is_kept(cli: Cli, server: str) -> None:
    given = (
        "--name",
        "Orders",
        "--scope",
        "orders:read",
        "--scope",
        "orders:write",
        "--introspector",
        server,
    )
    added = cli("resource", "add", ORDERS, *given).json
    expected = {
        "realm": "oidc", "uri": ORDERS, "name": "Orders", "scopes": ["orders:read", "orders:write"],
        "token_format": "handle", "alg": "ES256", "access": 0, "introspector": server,
    }  # fmt: skip
    assert {name: added[name] for name in expected} == expected
    signed = cli("resource", "add", STOCK, "--jwt", "--alg", "RS256", "--access", "10min").json
    assert (signed["token_format"], signed["alg"], signed["access"]) == ("jwt", "RS256", 600)
    assert [each["uri"] for each in cli("resource", "list").json] == [STOCK, ORDERS]
    again = cli("resource", "add", ORDERS)
    assert (again.code, "already" in again.stderr) == (1, True)


def test_its_metadata_is_what_it_publishes(cli: Cli) -> None:
    cli("resource", "add", ORDERS, "--name", "Orders", "--scope", "orders:read")
    env = {"LINGPAI_PUBLIC_URL": "https://login.example"}
    assert cli("resource", "show", ORDERS, env=env).json == {
        "resource": ORDERS,
        "authorization_servers": ["https://login.example/oidc"],
        "scopes_supported": ["orders:read"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Orders",
    }
    cli("resource", "add", STOCK)
    assert list(cli("resource", "show", STOCK).json) == [
        "resource",
        "authorization_servers",
        "bearer_methods_supported",
    ]
    shown = cli.terminal("resource", "show", ORDERS).stdout
    assert "https://api.example/.well-known/oauth-protected-resource/orders" in shown
    assert "/.well-known/oauth-protected-resource:" in cli.terminal("resource", "show", STOCK).stdout


def test_it_can_be_removed(cli: Cli) -> None:
    cli("resource", "add", ORDERS)
    assert cli("resource", "remove", ORDERS).code == 2
    assert cli("resource", "remove", ORDERS, "--yes").json["outcome"] == "removed"
    assert cli("resource", "list").json == []
    for command in (("show", ORDERS), ("remove", ORDERS, "--yes")):
        gone = cli("resource", *command)
        assert (gone.code, "There is no resource" in gone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("/orders",), "absolute"),
        ((ORDERS + "#x",), "absolute"),
        ((ORDERS + " x",), "absolute"),
        (("https://x.example/" + "a" * 500,), "512"),
        ((ORDERS, "--scope", "two words"), "word"),
        ((ORDERS, "--scope", "openid"), "protocol"),
        ((ORDERS, "--access", "10"), "60"),
        ((ORDERS, "--access", "2h"), "3600"),
        ((ORDERS, "--alg", "none"), "ES256, RS256"),
        ((ORDERS, "--introspector", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_one(cli: Cli, arguments: tuple[str, ...], word: str) -> None:
    refused = cli("resource", "add", *arguments)
    assert (refused.code, word in refused.stderr) == (2, True)
    assert cli("resource", "list").json == []


def test_a_public_app_introspects_nothing(cli: Cli) -> None:
    page = cli("app", "add", "Page", "--realm", "oidc", "--public").json["app_id"]
    assert cli("resource", "add", ORDERS, "--introspector", page).code == 2


def test_a_file_declares_them(cli: Cli) -> None:
    assert changed(apply(cli, DECLARED)) == [
        ("apps", "add", "oidc/100002", []),
        ("resources", "add", f"oidc/{ORDERS}", []),
        ("resources", "add", f"oidc/{STOCK}", []),
    ]
    assert changed(apply(cli, DECLARED)) == []
    other = DECLARED.replace("access = 300", "access = 600").replace('name = "Orders"\n', "")
    assert changed(apply(cli, other)) == [
        ("resources", "change", f"oidc/{ORDERS}", ["name"]),
        ("resources", "change", f"oidc/{STOCK}", ["access"]),
    ]
    pruned: dict[str, Any] = {
        "resources": [{"realm": "oidc", "uri": STOCK, "token_format": "jwt", "access": 600}]
    }
    assert changed(apply(cli, pruned, "--prune")) == [
        ("resources", "remove", f"oidc/{ORDERS}", []),
    ]


def test_a_file_with_a_fault_changes_nothing(cli: Cli) -> None:
    for old, new in (
        ("100002", "100003"),
        ('scopes = ["orders:read"]', 'scopes = ["profile"]'),
        ("access = 300", "access = 3"),
        ('token_format = "jwt"', 'token_format = "x"'),
        (STOCK + '"', ORDERS + '"'),
    ):
        refused = apply(cli, DECLARED.replace(old, new, 1))
        assert (refused.code, "Nothing was changed" in refused.stderr) == (1, True), new
    assert cli("resource", "list").json == []
