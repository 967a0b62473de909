"""What settings of a realm and of the edge do to the service that is served."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from lingpai.core.issuer_records import App
from lingpai.issuer import admin
from lingpai.service import open_issuers
from lingpai.settings import Settings, SettingsError, load_settings
from tests.clients.stack import Stack, running_stack
from tests.service.asking import ask

REDIRECT = "https://app.example/callback"
SECRET = "0123456789abcdef0123456789abcdef01234567"
REALM = {"dialect": "mall", "offered_scopes": ["orders"], "open_id_scope": "orders"}


async def _add_app(settings: Settings) -> None:
    async with open_issuers(settings) as issuers:
        app = App(realm="mall", app_id="100001", redirect_uris=(REDIRECT,))
        await admin.declare_app(issuers["mall"], app, SECRET)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data = tmp_path_factory.mktemp("realms") / "data"
    edge = {"metrics_networks": ["192.0.2.0/24"]}
    with running_stack(data, _add_app, realms={"mall": REALM}, edge=edge) as running:
        yield running


@pytest.mark.parametrize(("scope", "error"), [("orders", None), ("secrets", ["invalid_scope"])])
def test_a9_the_scopes_of_a_realm_are_a_setting(stack: Stack, scope: str, error: list[str] | None) -> None:
    asked = {"response_type": "code", "client_id": "100001", "redirect_uri": REDIRECT, "scope": scope}
    answer = ask(f"{stack.url}/v1/oauth2/authorize?{urlencode(asked)}", follow=False)
    assert answer.status == 302 if error else 303
    target = urlsplit(answer.headers["location"])
    assert (target.netloc or None) == ("app.example" if error else None)
    assert parse_qs(target.query).get("error") == error


def test_metrics_are_refused_to_other_networks_in_shape(stack: Stack) -> None:
    answer = ask(stack.url + "/metrics")
    assert answer.status == 403
    assert answer.json["error"] == "not_allowed"


@pytest.mark.parametrize("word", ["two words", 'quo"te', ""])
def test_a_scope_that_is_no_word_is_refused_at_the_start(word: str) -> None:
    with pytest.raises(SettingsError, match="offered_scopes"):
        load_settings(realms={"mall": {"dialect": "mall", "offered_scopes": [word]}})


def test_only_this_machine_and_private_networks_read_metrics_by_default(tmp_path: Path) -> None:
    networks = load_settings(data=tmp_path).edge.metrics_networks
    assert "127.0.0.0/8" in networks
    assert "0.0.0.0/0" not in networks


def test_a_network_with_host_bits_is_a_network_everywhere() -> None:
    block = ["10.0.0.1/8"]
    networks = {"trusted_proxies": block, "metrics_networks": block}
    settings = load_settings(edge=networks, keeper={"trusted_networks": block})
    assert [str(each) for each in settings.edge_options().trusted_proxies] == ["10.0.0.0/8"]
