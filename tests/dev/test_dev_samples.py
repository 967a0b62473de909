import errno
import hashlib
import json
import re
import socket
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from typer.testing import CliRunner

from lingpai.cli.tree import app
from lingpai.devdata.records import load_samples
from lingpai.development import develop
from tests.dev.running import Dev, developing, paste


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with developing(tmp_path_factory.mktemp("dev")) as running:
        yield running


def post(url: str, **form: str) -> Any:
    with urllib.request.urlopen(url, urlencode(form).encode(), timeout=20) as answer:
        return json.load(answer)


def signed(app: dict[str, str], number: int, **form: str) -> dict[str, str]:
    """A signed form (docs/spec/yilianyun.md, "Protocol")."""
    timestamp = str(int(time.time()))
    sign = hashlib.md5((app["client_id"] + timestamp + app["client_secret"]).encode()).hexdigest()
    request = f"00000000-0000-4000-8000-{number:012d}"
    return {
        "client_id": app["client_id"],
        "timestamp": timestamp,
        "sign": sign,
        "id": request,
        "scope": "all",
        **form,
    }


def test_dev_env_sets_the_values_of_dev_json_in_a_shell(dev: Dev) -> None:
    file = dev.data / "dev.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    script = '. "$1"; printf "%s\\n" "$URL" "$APPID" "$YZB_SECRET" "$REDIRECT" "$MSIGN" "$OWN"'
    printed = subprocess.run(
        ["sh", "-c", script, "sh", str(file)], capture_output=True, text=True, check=True
    ).stdout
    issuer = dev.described["issuer"]
    assert printed.splitlines() == [
        dev.described["url"],
        dev.described["keeper"]["wechat"]["appid"],
        issuer["yzb"]["secret"],
        issuer["mall"]["redirect_uri"],
        issuer["yilianyun"]["msign"],
        issuer["yilianyun_self"]["client_id"],
    ]


def test_dev_json_has_everything_that_scripts_need(dev: Dev) -> None:
    issuer = dev.described["issuer"]
    assert {name: sorted(app) for name, app in issuer.items()} == {
        "yzb": ["app_id", "domain", "secret"],
        "mall": ["client_id", "client_secret", "redirect_uri"],
        "yilianyun": ["client_id", "client_secret", "machine_code", "msign", "redirect_uri"],
        "yilianyun_self": ["client_id", "client_secret"],
        "oidc": [
            *("client_id", "client_secret", "issuer", "public_client_id", "redirect_uri", "resource"),
            "spa_redirect_uri",
        ],
    }
    assert all(value for app in issuer.values() for value in app.values())
    assert [sorted(user) for user in dev.described["users"]] == [["login", "password"]] * 2
    assert {"url", "sandbox", "caller", "keeper", "admin"} <= dev.described.keys()
    assert re.fullmatch(r"\d{6}", issuer["yzb"]["app_id"])
    assert re.fullmatch(r"[0-9a-f]{40}", issuer["yzb"]["secret"])


def test_each_pasted_call_works(dev: Dev) -> None:
    assert len(dev.calls) == 11
    answers = [paste(call) for call in dev.calls]
    seed, wecom, generic, phantom, forwarded, signing, sandbox, server, login, own, standard = answers
    assert json.loads(seed)["code"] == json.loads(wecom)["code"] == json.loads(signing)["code"] == 0
    assert json.loads(generic)["value"] == json.loads(seed)["data"]["access_token"]
    assert json.loads(phantom)["access_token"] != json.loads(generic)["value"]
    assert json.loads(forwarded)["total"] == 0
    assert json.loads(sandbox)["total"] > 0
    assert json.loads(server)["status"] == "2000"
    assert json.loads(server)["data"]["expires_in"] == 7200
    assert "<form" in login
    assert 'type="password"' in login
    assert json.loads(own)["error"] == "0"
    assert json.loads(own)["body"]["machine_code"] == ""
    assert json.loads(standard)["token_type"] == "Bearer"


def test_the_keys_are_printed_and_shown_on_the_start_page(dev: Dev) -> None:
    printed = "\n".join(dev.printed)
    asked = urllib.request.Request(f"{dev.url}/", headers={"accept": "text/html", "accept-language": "en"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        page = answer.read().decode()
    for caller in ("caller", "caller_phantom"):
        key = dev.described[caller]["key"]
        assert key in printed
        assert f"Caller {dev.described[caller]['name']}" in page
        assert key in page


def test_the_terminal_is_there_with_its_secret(dev: Dev) -> None:
    sample = dev.described["issuer"]["yilianyun"]
    form = {"machine_code": sample["machine_code"], "msign": sample["msign"]}
    answer = post(f"{dev.url}/oauth/scancodemodel", **signed(sample, 1, **form))
    assert answer["error"] == "0"
    assert answer["body"]["machine_code"] == sample["machine_code"]


def test_the_doctor_asks_the_sandbox_of_the_given_folder(tmp_path: Path) -> None:
    with developing(tmp_path):
        answer = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path / "data"), "--json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.output)["healthy"] is True


def test_where_codes_go_is_a_page_that_is_there(dev: Dev) -> None:
    with urllib.request.urlopen(
        f"{dev.described['issuer']['mall']['redirect_uri']}?code=x&state=y", timeout=20
    ) as page:
        assert page.status == 200


def test_the_samples_outlive_the_process_and_what_an_operator_changed(tmp_path: Path) -> None:
    with developing(tmp_path) as first:
        before = first.described
    assert stat.S_IMODE((tmp_path / "data" / "dev.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data" / "samples.json").stat().st_mode) == 0o600
    data = ("--data", str(tmp_path / "data"))
    done = CliRunner().invoke(app, ["app", "disable", before["issuer"]["mall"]["client_id"], *data])
    assert done.exit_code == 0, done.output
    with developing(tmp_path) as second:
        after = second.described
        assert after["users"] == before["users"]
        assert after["issuer"]["yzb"] == before["issuer"]["yzb"]
        mall = after["issuer"]["mall"]
        assert {**mall, "redirect_uri": ""} == {**before["issuer"]["mall"], "redirect_uri": ""}
        assert mall["redirect_uri"].startswith(second.url), "it follows the port"
        form = {"client_id": mall["client_id"], "client_secret": mall["client_secret"], "code": "x"}
        call = (
            f"curl -s {second.url}/v1/oauth2/accessToken -d '{urlencode(form)}&grant_type=authorization_code'"
        )
        assert json.loads(paste(call))["error"] == "invalid_client"


def test_a_realm_that_is_switched_off_is_left_out_and_one_under_a_prefix_has_its_paths(
    tmp_path: Path,
) -> None:
    realms = {
        "partners": {"dialect": "yzb", "prefix": "/partners"},
        "mall": {"dialect": "mall", "enabled": False},
        "yilianyun": {"enabled": False},
        "oidc": {"enabled": False},
    }
    with developing(tmp_path, LINGPAI_REALMS=json.dumps(realms)) as running:
        assert list(running.described["issuer"]) == ["yzb"]
        (call,) = [call for call in running.calls if "/OAuth2/token" in call]
        assert f"{running.url}/partners/OAuth2/token" in call
        assert json.loads(paste(call))["status"] == "2000"
        assert not [call for call in running.calls if "oauth2/authorize" in call]


def test_two_realms_of_one_dialect_share_nothing_but_the_process(tmp_path: Path) -> None:
    realms = {"yzb": {"dialect": "yzb"}, "yzb-test": {"dialect": "yzb", "prefix": "/test"}}
    environment = {"LINGPAI_REALMS": json.dumps(realms), "LANG": "C"}
    with developing(tmp_path, **environment) as running:
        app_id = running.described["issuer"]["yzb"]["app_id"]
        add = [
            "app",
            "add",
            "Twin",
            "--realm",
            "yzb-test",
            "--app-id",
            app_id,
            "--data",
            str(tmp_path / "data"),
        ]
        twin = json.loads(CliRunner().invoke(app, add, env=environment).output)
        secrets = {"": running.described["issuer"]["yzb"]["secret"], "/test": twin["secret"]}
        tokens = {}
        for prefix, secret in secrets.items():
            form = {"app_id": app_id, "secret": secret, "grant_type": "client_credential"}
            tokens[prefix] = post(f"{running.url}{prefix}/OAuth2/token", **form)["data"]["access_token"]
        for prefix in secrets:
            for issued_at, token in tokens.items():
                form = {"app_id": app_id, "type": "access_token", "code": token}
                checked = post(f"{running.url}{prefix}/OAuth2/checkCode", **form)
                assert checked["status"] == ("2000" if issued_at == prefix else "4102")
        wrong = {"app_id": app_id, "secret": secrets[""], "grant_type": "client_credential"}
        assert post(f"{running.url}/test/OAuth2/token", **wrong)["status"] == "4000"


def test_a_folder_of_an_older_release_gets_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "samples.json"
    made = load_samples(path)
    kept = json.loads(path.read_text())
    del kept["issuer"]
    path.write_text(json.dumps(kept))
    again = load_samples(path)
    assert again.appid == made.appid
    assert load_samples(path) == again


async def test_sandbox_and_sample_app_stay_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts: list[str] = []

    def refuse_the_third(host: str, _port: int) -> socket.socket:
        hosts.append(host)
        if len(hosts) == 3:
            raise OSError(errno.EADDRINUSE, "taken")
        return socket.socket()

    monkeypatch.setattr("lingpai.development.bind", refuse_the_third)
    with pytest.raises(OSError, match="taken"):
        await develop("0.0.0.0", 0, 0, tmp_path / "data", 60)
    assert hosts == ["0.0.0.0", "127.0.0.1", "127.0.0.1"]


def test_dev_json_has_a_key_for_each_app_of_the_corp(dev: Dev) -> None:
    tokens = set()
    for name in ("wecom", "wecom_second"):
        corp = dev.described["keeper"][name]
        for secret in (corp["key"], corp["secret"]):
            query = urlencode({"corpid": corp["corpid"], "corpsecret": secret})
            with urllib.request.urlopen(
                f"{dev.described['url']}/cgi-bin/gettoken?{query}", timeout=10
            ) as answer:
                tokens.add((name, json.load(answer)["access_token"]))
    assert len(tokens) == 2


@pytest.mark.parametrize(("given", "opens"), [({}, True), ({"registration": "closed"}, False)])
def test_clients_register_themselves_unless_the_settings_say_otherwise(
    given: dict[str, str], opens: bool, tmp_path: Path
) -> None:
    realms = {"oidc": given, "second": {"dialect": "oidc", "prefix": "/second"}}
    with developing(tmp_path, LINGPAI_REALMS=json.dumps(realms)) as running:
        found = {}
        for prefix in ("/oidc", "/second"):
            address = f"{running.url}{prefix}/.well-known/openid-configuration"
            with urllib.request.urlopen(address, timeout=20) as answer:
                found[prefix] = "registration_endpoint" in json.load(answer)
    assert found == {"/oidc": opens, "/second": False}, "in the realm of the samples alone"
