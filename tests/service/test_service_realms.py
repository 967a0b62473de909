"""What settings of a realm and of the edge do to the service that is served."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from lingpai.core.issuer_records import App
from lingpai.issuer import admin
from lingpai.issuer.dialects.registry import dialects
from lingpai.service import open_issuers
from lingpai.settings import Settings, SettingsError, load_settings
from lingpai.settings.realms import DURATIONS
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
@pytest.mark.threat("A9")
def test_the_scopes_of_a_realm_are_a_setting(stack: Stack, scope: str, error: list[str] | None) -> None:
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


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"access": -5}, "realms.mall.policy.access: must be from 1 to"),
        ({"code": 0}, "realms.mall.policy.code"),
        ({"least_password": 0}, "realms.mall.policy.least_password: must be from 1 to 64"),
        ({"least_password": None}, "realms.mall.policy.least_password: must be from 1 to 64"),
        ({"refresh": -1}, "realms.mall.policy.refresh: must be from 0 to"),
        ({"app_token": 10**18}, "realms.mall.policy.app_token"),
        ({"requests_once": 2}, "realms.mall.policy.requests_once: must be 0 or 1"),
        ({"access": None}, "realms.mall.policy: .*access"),
        ({"daily": 3}, "realms.mall.policy: .*daily"),
        ({"foo": 3}, "realms.mall.policy.foo: there is no such setting; known are code, access, "),
    ],
)
def test_a_policy_that_nobody_can_mean_is_refused_with_the_settings(
    policy: dict[str, int | None], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        load_settings(realms={"mall": {"dialect": "mall", "policy": policy}})
    assert len(refused.value.problems) == 1


def test_zero_and_none_do_where_they_say_something() -> None:
    zero = ("refresh", "replay_window", "replay_grace", "secret_overlap", "requests_once")
    numbers = {"family": None, **dict.fromkeys(zero, 0)}
    (realm, *_) = load_settings(realms={"mall": {"dialect": "mall", "policy": numbers}}).all_realms()
    assert realm.policy().refresh == 0


def test_the_policies_of_all_dialects_are_within_the_bounds() -> None:
    for dialect, declared in dialects().items():
        numbers = {name: getattr(declared.policy, name) for name in DURATIONS}
        load_settings(realms={"x": {"dialect": dialect, "policy": numbers}})


@pytest.mark.parametrize("prefix", ["", "/trial"])
def test_two_realms_under_the_same_paths_are_refused_with_the_settings(prefix: str) -> None:
    realms = {name: {"dialect": "mall", "prefix": prefix} for name in ("mall", "mall-two")}
    with pytest.raises(SettingsError, match=r'realms.mall-two.prefix: realms.mall has .* "/mall-two"'):
        load_settings(realms=realms)
    for mended in ({"prefix": "/other"}, {"enabled": False}, {"dialect": "yzb"}):
        load_settings(realms=realms | {"mall-two": realms["mall-two"] | mended})


@pytest.mark.parametrize("dialect", ["mall", "yzb"])
def test_what_follows_from_a_dialect_is_no_setting(dialect: str) -> None:
    realms = {"r": {"dialect": dialect, "policy": {"public_clients": 1}}}
    with pytest.raises(SettingsError, match=r"realms.r.policy.public_clients: there is no such setting"):
        load_settings(realms=realms)


def test_only_this_machine_and_private_networks_read_metrics_by_default(tmp_path: Path) -> None:
    networks = load_settings(data=tmp_path).edge.metrics_networks
    assert "127.0.0.0/8" in networks
    assert "0.0.0.0/0" not in networks


def test_a_network_with_host_bits_is_a_network_everywhere() -> None:
    block = ["10.0.0.1/8"]
    networks = {"trusted_proxies": block, "metrics_networks": block}
    settings = load_settings(edge=networks, keeper={"trusted_networks": block})
    assert [str(each) for each in settings.edge_options().trusted_proxies] == ["10.0.0.0/8"]


PROTOCOLS = ["yzb", "mall", "yilianyun", "oidc"]


@pytest.mark.parametrize("named", PROTOCOLS)
def test_naming_one_realm_leaves_the_others(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lingpai.toml").write_text(f"[realms.{named}]\npolicy = {{ access = 600 }}\n")
    settings = load_settings()
    assert sorted(each.name for each in settings.enabled_realms()) == sorted(PROTOCOLS)
    assert {each.name: each.dialect for each in settings.all_realms()} == dict(
        zip(PROTOCOLS, PROTOCOLS, strict=True)
    )
    assert settings.realms[named].policy == {"access": 600}
    assert settings.named_realms() == {named}


def test_a_realm_named_by_a_variable_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGPAI_REALMS__YZB__STRING_STATUS", "true")
    assert sorted(load_settings().realms) == sorted(PROTOCOLS)


def test_a_realm_beside_the_default_ones_leaves_them_all() -> None:
    settings = load_settings(realms={"mall-test": {"dialect": "mall", "prefix": "/test"}})
    assert sorted(settings.realms) == sorted([*PROTOCOLS, "mall-test"])


@pytest.mark.parametrize("enabled", [True, False])
def test_a_realm_under_the_paths_of_a_default_one_takes_its_place(enabled: bool) -> None:
    settings = load_settings(realms={"shop": {"dialect": "mall", "enabled": enabled}})
    assert sorted(settings.realms) == ["oidc", "shop", "yilianyun", "yzb"]


@pytest.mark.parametrize("given", [{}, {"prefix": "/id"}], ids=str)
def test_a_realm_of_the_standard_protocol_has_paths_of_its_own(given: dict[str, str]) -> None:
    settings = load_settings(realms={"staff": {"dialect": "oidc", **given}})
    (staff,) = (realm for realm in settings.enabled_realms() if realm.name == "staff")
    assert staff.prefix == (given.get("prefix") or "/oidc")
    assert ("oidc" in settings.realms) == bool(given)


def test_a_default_realm_is_switched_off_by_its_name_alone() -> None:
    settings = load_settings(realms={"yilianyun": {"enabled": False}})
    assert [each.name for each in settings.enabled_realms()] == ["yzb", "mall", "oidc"]
    assert len(settings.all_realms()) == 4


def test_an_empty_table_of_realms_stays_empty() -> None:
    assert load_settings(realms={}).realms == {}


def test_another_realm_has_to_say_its_protocol() -> None:
    with pytest.raises(SettingsError, match=r"realms.shop.dialect: .*required"):
        load_settings(realms={"shop": {"enabled": True}})


def test_a_table_of_realms_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="realms"):
        load_settings(realms=["mall"])
