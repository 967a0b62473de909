import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer.verbs.apps import authenticate_app
from tests.cli.conftest import Cli
from tests.cli.issuing import checks, user_tokens, worker

REDIRECT = "https://shop.example/callback"


def add(cli: Cli, *options: str, name: str = "Shop") -> Any:
    return cli("app", "add", name, *options).json


async def knows(cli: Cli, realm: str, app_id: str, secret: str) -> Kind | None:
    async with worker(cli) as issuers:
        try:
            await authenticate_app(issuers[realm], app_id, secret, "127.0.0.1")
        except LingpaiError as error:
            return error.kind
    return None


def test_an_app_whose_id_is_an_address_is_managed_as_any_other(cli: Cli) -> None:
    app_id = "https://notes.example/oauth/client.json"
    refused = cli("app", "add", "Notes", "--realm", "oidc", "--public", "--app-id", app_id)
    assert refused.code != 0  # its own document describes it

    async def consent() -> None:
        app = App(realm="oidc", app_id=app_id, redirect_uris=("https://notes.example/back",), public=True)
        async with worker(cli) as issuers:
            await issuers["oidc"].store.add_app(app)

    asyncio.run(consent())
    assert [each["app_id"] for each in cli("app", "list", "--realm", "oidc").json] == [app_id]
    for command, disabled in (("disable", True), ("enable", False)):
        assert cli("app", command, app_id).code == 0
        assert cli("app", "show", app_id).json["disabled"] is disabled
    assert cli("grant", "list", "--realm", "oidc", "--app", app_id).json == []
    assert cli("app", "remove", app_id, "--yes").code == 0
    assert cli("app", "list", "--realm", "oidc").json == []


def test_an_added_app_gets_an_id_and_a_secret_that_is_shown_once(cli: Cli) -> None:
    added = add(cli, "--realm", "yzb")
    assert re.fullmatch(r"\d{6}", added["app_id"])
    assert re.fullmatch(r"[0-9a-f]{40}", added["secret"])
    assert asyncio.run(knows(cli, "yzb", added["app_id"], added["secret"])) is None
    for later in (cli("app", "list"), cli("app", "show", added["app_id"])):
        assert added["secret"] not in later.stdout
        assert added["app_id"] in later.stdout


def test_everything_that_is_said_of_an_app_is_kept(cli: Cli) -> None:
    options = {
        "--app-id": "shop-1", "--redirect-uri": REDIRECT, "--domain": "*.shop.example", "--network": "10.0.0.0/8",
        "--scope": "basic", "--permission": "user/get_user_base_info", "--grant": "refresh_token", "--owner": "acme",
    }  # fmt: skip
    flags = ("--unlisted", "--self-owned")
    add(cli, "--realm", "mall", *(word for pair in options.items() for word in pair), *flags)
    shown = cli("app", "show", "shop-1").json
    expected = {
        "realm": "mall", "app_id": "shop-1", "name": "Shop", "mode": "self_owned", "redirect_uris": [REDIRECT],
        "domains": ["*.shop.example"], "networks": ["10.0.0.0/8"], "scopes": ["basic"],
        "permissions": ["user/get_user_base_info"], "grants": ["refresh_token"], "owner": "acme", "listed": False,
        "disabled": False, "public": False, "secrets": 1, "users": 0,
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected


@pytest.mark.parametrize(
    "uri",
    [
        "http://shop.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp:/cb",
        "https://shop.example/cb#part",
        "https://u@shop.example/cb",
        "https:///cb",
        "https://shop.example/a b",
    ],
)
def test_a_redirect_uri_that_must_not_be_is_refused_at_registration(cli: Cli, uri: str) -> None:
    """Attacks A4, A5."""
    refused = cli("app", "add", "Shop", "--realm", "mall", "--redirect-uri", uri)
    assert refused.code == 2
    assert "redirect URI" in refused.stderr
    assert cli("app", "list").json == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--domain", "shop/x"), "host name"),
        (("--network", "10.0.0.0/99"), "network"),
        (("--grant", "password"), "grant type"),
        (("--scope", "a b"), "single word"),
        (("--permission", 'a"b'), "single word"),
        (("--app-id", "a/b"), "app id"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, options: tuple[str, ...], said: str) -> None:
    refused = cli("app", "add", "Shop", "--realm", "yzb", *options)
    assert refused.code == 2
    assert said in refused.stderr


def test_the_realm_may_be_left_out_only_when_it_is_clear(cli: Cli) -> None:
    refused = cli("app", "add", "Shop")
    assert refused.code == 1
    assert "--realm" in refused.stderr
    unknown = cli("app", "add", "Shop", "--realm", "taobao")
    assert "known realms: yzb, mall, yilianyun, oidc" in unknown.stderr
    alone = {"LINGPAI_REALMS": '{"partners":{"dialect":"mall"}}'}
    assert cli("app", "add", "Shop", "--app-id", "a", env=alone).json["realm"] == "partners"
    assert (
        cli("app", "add", "Shop", "--app-id", "b", "--realm", "mall", env=alone).json["realm"] == "partners"
    )


def test_two_realms_of_one_dialect_share_nothing(cli: Cli) -> None:
    both = {"LINGPAI_REALMS": '{"mall":{"dialect":"mall"},"mall-test":{"dialect":"mall","prefix":"/test"}}'}
    for realm in ("mall", "mall-test"):
        added = cli("app", "add", realm, "--realm", realm, "--app-id", "100001", env=both)
        assert added.json["realm"] == realm
    ambiguous = cli("app", "show", "100001", env=both)
    assert ambiguous.code == 1
    assert "mall, mall-test" in ambiguous.stderr
    assert cli("app", "show", "100001", "--realm", "mall-test", env=both).json["name"] == "mall-test"
    cli("app", "remove", "100001", "--realm", "mall", "--yes", env=both)
    assert [each["realm"] for each in cli("app", "list", env=both).json] == ["mall-test"]


def test_an_id_is_given_once(cli: Cli) -> None:
    add(cli, "--realm", "mall", "--app-id", "100001")
    again = cli("app", "add", "Other", "--realm", "mall", "--app-id", "100001")
    assert again.code == 1
    assert "already" in again.stderr


def test_a_rotated_secret_overlaps_as_long_as_is_said(cli: Cli) -> None:
    added = add(cli, "--realm", "yzb")
    rotated = cli("app", "rotate-secret", added["app_id"]).json
    assert rotated["overlap"] == 86400
    for secret in (added["secret"], rotated["secret"]):
        assert asyncio.run(knows(cli, "yzb", added["app_id"], secret)) is None
    assert cli("app", "show", added["app_id"]).json["secrets"] == 2
    last = cli("app", "rotate-secret", added["app_id"], "--overlap", "0").json
    assert asyncio.run(knows(cli, "yzb", added["app_id"], rotated["secret"])) is Kind.INVALID_CLIENT
    assert asyncio.run(knows(cli, "yzb", added["app_id"], last["secret"])) is None


def test_a_public_client_has_no_secret(cli: Cli) -> None:
    added = add(cli, "--realm", "mall", "--public", "--redirect-uri", REDIRECT)
    assert added["secret"] == ""
    assert cli("app", "rotate-secret", added["app_id"]).code == 1


@pytest.mark.parametrize("realm", ["yzb", "yilianyun"])
@pytest.mark.threat("D41")
def test_a_protocol_without_pkce_takes_no_public_client(cli: Cli, realm: str) -> None:
    answer = cli("app", "add", "S", "--realm", realm, "--public", "--redirect-uri", REDIRECT)
    assert answer.code == 2
    assert f"The realm {realm} has no public clients" in " ".join(answer.stderr.split())
    assert cli("app", "list").json == []


@pytest.mark.threat("D41")
def test_a_code_of_a_public_client_comes_with_a_challenge(cli: Cli) -> None:
    added = add(cli, "--realm", "mall", "--public", "--redirect-uri", REDIRECT)
    cli("user", "add", "ann", "--realm", "mall", "--no-password")
    asked = ("grant", "code", "--app", added["app_id"], "--user", "ann", "--value")
    assert cli(*asked).code == 1
    made = cli(*asked, "--code-challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    assert (made.code, len(made.stdout.strip())) == (0, 64)


async def test_the_next_check_of_a_disabled_app_says_so_on_a_worker_that_runs(cli: Cli) -> None:
    run = asyncio.to_thread
    app = (await run(cli.process, "app", "add", "S", "--realm", "mall", "--redirect-uri", REDIRECT)).json
    await run(cli.process, "user", "add", "ann", "--realm", "mall", "--no-password")
    async with worker(cli) as issuers:
        tokens = await user_tokens(issuers["mall"], app["app_id"], "ann")
        assert await checks(issuers["mall"], tokens) is None
        assert (await run(cli.process, "app", "disable", app["app_id"])).json["disabled"] is True
        assert await checks(issuers["mall"], tokens) is Kind.INVALID_ACCESS_TOKEN
        await run(cli.process, "app", "enable", app["app_id"])
        assert await checks(issuers["mall"], tokens) is None
        await run(cli.process, "app", "remove", app["app_id"], "--yes")
        assert await checks(issuers["mall"], tokens) is Kind.INVALID_ACCESS_TOKEN


def test_nobody_removes_an_app_by_accident(cli: Cli) -> None:
    added = add(cli, "--realm", "yzb")
    refused = cli("app", "remove", added["app_id"])
    assert refused.code == 2
    assert "--yes" in refused.stderr
    assert cli("app", "show", "nobody").code == 1
    assert len(cli("app", "list").json) == 1


def test_a_terminal_shows_id_and_secret(cli: Cli) -> None:
    shown = cli.terminal("app", "add", "Shop", "--realm", "yzb")
    assert shown.code == 0
    assert re.search(r"\d{6}", shown.stdout)
    assert re.search(r"[0-9a-f]{40}", shown.stdout)
    assert "not published" not in cli.terminal("app", "list").stdout


def test_what_a_client_of_the_standard_protocol_sets_itself(cli: Cli) -> None:
    add = ("app", "add", "Shop", "--realm", "oidc", "--redirect-uri", "https://shop.example/cb")
    plain = cli(*add).json
    assert plain["client"] == {"pkce": True, "id_token_signed_response_alg": "ES256"}
    own = cli(*add, "--no-pkce", "--id-token-alg", "RS256").json
    assert own["client"] == {"pkce": False, "id_token_signed_response_alg": "RS256"}
    assert cli("app", "show", own["app_id"]).json["client"] == own["client"]
    refused = cli(*add, "--id-token-alg", "none")
    assert (refused.code, "ES256, RS256" in refused.stderr) == (2, True)
    public = cli(*add, "--public", "--no-pkce")
    assert (public.code, "PKCE" in public.stderr) == (2, True)
    page = cli(*add, "--public").json
    assert (page["public"], page["secret"]) == (True, "")


def test_where_a_client_is_notified_of_logouts(cli: Cli) -> None:
    add = ("app", "add", "Shop", "--realm", "oidc", "--redirect-uri", "https://shop.example/cb")
    uris = ("https://shop.example/bye", "com.example.shop:/bye")
    back = "https://shop.example/logout?of=lingpai"
    after = [word for uri in uris for word in ("--post-logout-uri", uri)]
    added = cli(*add, *after, "--backchannel-logout-uri", back).json
    assert added["client"]["post_logout_redirect_uris"] == list(uris)
    assert added["client"]["backchannel_logout_uri"] == back
    shown = cli.terminal("app", "show", added["app_id"]).stdout
    assert all(each in shown for each in (*uris, back))
    for wrong in (
        ("--post-logout-uri", "http://shop.example/bye"),
        ("--post-logout-uri", "https://shop.example/bye#there"),
        ("--post-logout-uri", "javascript:alert(1)"),
        ("--backchannel-logout-uri", "http://shop.example/logout"),
        ("--backchannel-logout-uri", "https://shop.example/logout#there"),
        ("--backchannel-logout-uri", "https://user@shop.example/logout"),
    ):
        refused = cli(*add, *wrong)
        assert (refused.code, "https" in refused.stderr or "redirect" in refused.stderr) == (2, True), wrong


def test_a_client_with_keys_of_its_own(cli: Cli, tmp_path: Path) -> None:
    jwk = ECKey.generate_key("P-256").as_dict(private=False)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [jwk]}))
    add = ("app", "add", "Bank", "--realm", "oidc", "--redirect-uri", "https://bank.example/cb")
    by_key = (*add, "--auth-method", "private_key_jwt")
    added = cli(*by_key, "--jwks", str(keys), "--fapi2").json
    assert added["secret"] == ""
    answer = {name: added["client"][name] for name in ("token_endpoint_auth_method", "jwks", "fapi2")}
    assert answer == {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]}, "fapi2": True}
    rotated = cli("app", "rotate-secret", added["app_id"])
    assert (rotated.code, "keys of its own" in rotated.stderr) == (1, True)
    private = tmp_path / "private.json"
    private.write_text(json.dumps({"keys": [jwk | {"d": jwk["x"]}]}))
    mixed, empty = tmp_path / "mixed.json", tmp_path / "empty.json"
    mixed.write_text(json.dumps({"keys": [jwk, jwk | {"d": jwk["x"]}]}))
    empty.write_text(json.dumps({"keys": []}))
    broken = tmp_path / "broken.json"
    broken.write_text("[]")
    uri = "https://bank.example/keys"
    assert cli(*by_key, "--jwks-uri", uri).json["client"]["jwks_uri"] == uri
    for wrong, said in (
        ((*by_key, "--jwks-uri", "http://bank.example/keys"), "not an https address"),
        ((*by_key, "--jwks-uri", uri, "--jwks", str(keys)), "not both"),
        ((*by_key,), "needs the public keys"),
        ((*by_key, "--jwks", str(private)), "private or a shared key"),
        ((*by_key, "--jwks", str(mixed)), "private or a shared key"),
        ((*by_key, "--jwks", str(empty)), "no public key"),
        ((*by_key, "--jwks", str(broken)), "cannot be read"),
        ((*by_key, "--jwks", str(tmp_path / "none")), "cannot be read"),
        ((*by_key, "--jwks", str(keys), "--public"), "does not authenticate"),
        ((*add, "--auth-method", "tls_client_auth"), "private_key_jwt"),
        (("app", "add", "Bank", "--realm", "mall", *by_key[5:], "--jwks", str(keys)), "protocol oidc"),
    ):
        refused = cli(*wrong)
        assert (refused.code, said in " ".join(refused.stderr.split())) == (2, True), refused.stderr
