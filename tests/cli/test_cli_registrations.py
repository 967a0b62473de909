"""`lingpai registration`, and what other commands do with apps that registered themselves."""

import asyncio
import datetime as dt
from typing import Any

import pytest

from lingpai.core.issuer_records import App
from lingpai.issuer.verbs.registrations import open_initial_token, register_app
from tests.cli.conftest import Cli
from tests.cli.issuing import worker
from tests.cli.test_cli_apply_issuer import apply, changed

REDIRECT = "https://shop.example/callback"


def seconds_of(made: Any) -> float:
    ends, began = (dt.datetime.fromisoformat(made[name]) for name in ("ends_at", "created_at"))
    return (ends - began).total_seconds()


def register(cli: Cli, token: str = "") -> str:
    """Let an app register, as the service does; its id."""

    async def run() -> str:
        async with worker(cli) as issuers:
            issuer = issuers["oidc"]
            initial = await open_initial_token(issuer, token) if token else None
            app = App(realm="oidc", app_id="", name="Self", redirect_uris=(REDIRECT,))
            return (await register_app(issuer, app, initial)).app.app_id

    return asyncio.run(run())


def test_a_token_is_made_shown_once_listed_and_revoked(cli: Cli) -> None:
    made = cli("registration", "add", "partner", "--uses", "3", "--scope", "orders:read").json
    assert (made["realm"], made["name"], made["uses"], made["scopes"]) == (
        "oidc",
        "partner",
        3,
        ["orders:read"],
    )
    assert seconds_of(made) == 7 * 86_400
    assert len(made["token"]) == 43
    other = cli("registration", "add", "--unlimited", "--lifetime", "24h").json
    assert (other["uses"], seconds_of(other)) == (None, 86_400)
    register(cli, made["token"])
    listed = cli("registration", "list").json
    assert [(each["number"], each["uses"]) for each in listed] == [
        (made["number"], 2),
        (other["number"], None),
    ]
    shown = cli.terminal("registration", "list").stdout
    for text in (cli("registration", "list").stdout, shown):
        assert made["token"] not in text
    assert "any number" in shown
    assert cli("registration", "revoke", str(made["number"])).json["outcome"] == "revoked"
    assert [each["number"] for each in cli("registration", "list").json] == [other["number"]]
    gone = cli("registration", "revoke", str(made["number"]))
    assert (gone.code, "registration list" in gone.stderr) == (1, True)


def test_a_token_names_the_setting_that_it_needs(cli: Cli) -> None:
    hint = 'registration = "token"'
    assert hint in cli.terminal("registration", "add").stdout
    (cli.home / "lingpai.toml").write_text(f"[realms.oidc]\n{hint}\n")
    assert hint not in cli.terminal("registration", "add").stdout


@pytest.mark.parametrize("arguments", [("--uses", "0"), ("--uses", "many"), ("--lifetime", "soon")])
def test_what_is_no_token(cli: Cli, arguments: tuple[str, ...]) -> None:
    assert cli("registration", "add", *arguments).code == 2
    assert cli("registration", "list").code == 1  # no store was made for it


def test_an_app_says_how_it_came(cli: Cli) -> None:
    token = cli("registration", "add").json["token"]
    ids = {"open": register(cli), "token": register(cli, token)}
    ids["operator"] = cli("app", "add", "Ours", "--realm", "oidc", "--redirect-uri", REDIRECT).json["app_id"]
    listed = {each["app_id"]: each["origin"] for each in cli("app", "list", "--realm", "oidc").json}
    assert listed == {app_id: origin for origin, app_id in ids.items()}
    assert "registered itself" in cli.terminal("app", "show", ids["open"]).stdout
    assert cli("app", "disable", ids["open"]).json["disabled"]
    assert cli("app", "remove", ids["open"], "--yes").json["outcome"] == "removed"


def test_no_file_prunes_an_app_that_registered_itself(cli: Cli) -> None:
    own = cli("app", "add", "Ours", "--realm", "oidc", "--redirect-uri", REDIRECT).json["app_id"]
    app_id = register(cli)
    plan = apply(cli, {"apps": []}, "--prune")
    assert changed(plan) == [("apps", "remove", f"oidc/{own}", [])]
    assert [each["app_id"] for each in cli("app", "list", "--realm", "oidc").json] == [app_id]


def test_pairwise_subjects_need_a_sector(cli: Cli) -> None:
    add = ("app", "add", "Shop", "--realm", "oidc", "--pairwise")
    refused = cli(*add, "--redirect-uri", REDIRECT, "--redirect-uri", "https://other.example/")
    assert (refused.code, "sector_identifier_uri" in refused.stderr) == (2, True)
    assert cli(*add, "--redirect-uri", REDIRECT).json["client"]["subject_type"] == "pairwise"
    sector = ("--sector-identifier-uri", "https://sector.example/list")
    both = cli(*add, "--redirect-uri", REDIRECT, "--redirect-uri", "https://other.example/", *sector)
    assert both.json["client"]["sector_identifier_uri"] == sector[1]
    assert cli(*add, "--redirect-uri", REDIRECT, "--sector-identifier-uri", "http://x/").code == 2
