import asyncio
import base64
import contextlib
import email.utils
import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from lingpai.core.keyring import KeyRing
from lingpai.diagnosis.exposure import check_exposure
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP
from lingpai.service import adopt_legacy, open_keeper
from lingpai.settings import Settings, legacy_accounts, load_settings
from tests.cli.conftest import Answer, Cli, Sandbox
from tests.helpers.certificates import make_certificate

ROOT = Path(__file__).parents[2]


def findings(answer: Answer) -> dict[tuple[str, str], dict[str, Any]]:
    found = json.loads(answer.stdout)["findings"]
    return {(each["check"], each["verdict"]): each for each in found}


@contextmanager
def platform_with_clock(ahead: float) -> Iterator[str]:
    """A platform that hands out tokens and whose Date header is `ahead` seconds ahead of our clock."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return email.utils.formatdate(time.time() + ahead, usegmt=True)

        def do_GET(self) -> None:
            self._answer({"errcode": 0})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self._answer({"access_token": "t" * 32, "expires_in": 7200})

        def _answer(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)


def test_everything_is_well_with_live_tokens(cli: Cli, sandbox: Sandbox) -> None:
    cli.add_sample()
    cli.add_corp()
    answer = cli("doctor")
    assert answer.json["healthy"]
    assert {each["verdict"] for each in answer.json["findings"]} == {"ok"}
    checks = [each["check"] for each in answer.json["findings"]]
    assert checks.count("upstream") == 2
    assert checks.count("clock") == 2
    assert checks.count("account") == 2
    cli("doctor")
    assert sandbox.fetches() == 1  # what is held is not fetched again


def test_a_refused_address_is_named_with_what_to_do(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    sandbox.control("PATCH", "accounts", {"account": SAMPLE_APP.appid, "ip_allow": ["10.9.9.9"]})
    for env, said in (({}, "IP allow list"), ({"LC_ALL": "zh_CN.UTF-8"}, "IP 白名单")):
        answer = cli("doctor", env=env)
        assert answer.code == 1
        finding = findings(answer)["account", "fail"]
        assert finding["subject"] == name
        assert "40164" in finding["message"]
        assert "127.0.0.1" in finding["remedy"]
        assert said in finding["remedy"]
        seen = findings(answer)["address", "warn"]
        assert (seen["subject"], "127.0.0.1" in seen["message"]) == ("wechat", True)
        assert SAMPLE_APP.secret not in answer.stdout


def test_an_address_that_wecom_refuses_on_calls_alone_is_found(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_corp()
    assert cli("doctor").json["healthy"]
    change = {"account": SAMPLE_CORP.corpid, "agentid": SAMPLE_AGENT.agentid, "trusted_ips": ["10.9.9.9"]}
    sandbox.control("PATCH", "accounts", change)
    answer = cli("doctor")
    assert answer.code == 1
    finding = findings(answer)["account", "fail"]
    assert (finding["subject"], "60020" in finding["message"]) == (name, True)
    assert "trusted IPs" in finding["remedy"]
    assert "127.0.0.1" in finding["remedy"]
    assert "127.0.0.1" in findings(answer)["address", "warn"]["message"]


@contextmanager
def platform_with_tls(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """A platform with a certificate for `name` and 127.0.0.1 that signs itself: its address, the certificate's file."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    make_certificate(certificate, key, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}", certificate
        finally:
            server.shutdown()
            thread.join(10)


def test_a_certificate_that_is_not_trusted_is_described_and_a_bundle_helps(cli: Cli, tmp_path: Path) -> None:
    cli("caller", "add", "a")
    with platform_with_tls(tmp_path, "corp-proxy.example") as (url, certificate):
        wecom = {"LINGPAI_WECOM__BASE_URL": url, "LINGPAI_WECOM__CA_BUNDLE": str(certificate)}
        env = {"LINGPAI_WECHAT__BASE_URL": url, **wecom}
        found = findings(cli("doctor", env=env))
        assert "self-signed certificate" in found["upstream", "warn"]["message"]
        presented = found["tls", "warn"]
        assert "corp-proxy.example, 127.0.0.1" in presented["message"]
        assert "signed by CN=corp-proxy.example" in presented["message"]
        assert "wechat.ca_bundle" in presented["remedy"]
        chinese = findings(cli("doctor", env=env | {"LC_ALL": "zh_CN.UTF-8"}))
        assert "签发者为 CN=corp-proxy.example" in chinese["tls", "warn"]["message"]
        trusting = cli("doctor", env=env | {"LINGPAI_WECHAT__CA_BUNDLE": str(certificate)})
        assert ("upstream", "ok") in findings(trusting)
        assert "tls" not in [check for check, _ in findings(trusting)]


def test_a_wrong_secret_is_distinguished(cli: Cli, sandbox: Sandbox) -> None:
    cli("account", "add", "wechat", SAMPLE_APP.appid, "--secret-stdin", given="0" * 32)
    answer = cli("doctor")
    assert answer.code == 1
    assert "account add" in findings(answer)["account", "fail"]["remedy"]


def test_a_failing_renewal_is_seen_while_the_token_lives(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    cli("token", "get", name)
    sandbox.control("PATCH", "accounts", {"account": SAMPLE_APP.appid, "refusal": 50007})
    cli("token", "clear", name)
    cli("token", "get", name)
    answer = cli("doctor")
    assert answer.code == 1
    finding = findings(answer)["account", "fail"]
    assert "50007" in finding["message"]
    assert "valid for another" in finding["message"]
    sandbox.control("PATCH", "accounts", {"account": SAMPLE_APP.appid, "refusal": 0})
    cli("token", "unblock", name)
    assert cli("doctor").json["healthy"]


@pytest.mark.parametrize(
    ("ahead", "verdict", "said"),
    [
        (0, "ok", "matches"),
        (-20, "warn", "20 s ahead"),
        (20, "warn", "behind"),
        (-300, "fail", "ahead"),
        (300, "fail", "behind"),
    ],
)
def test_a_clock_that_is_off_is_noticed(cli: Cli, ahead: float, verdict: str, said: str) -> None:
    cli.add_sample()
    with platform_with_clock(ahead) as url:
        answer = cli("doctor", env={"LINGPAI_WECHAT__BASE_URL": url})
    finding = findings(answer)["clock", verdict]
    assert said.removeprefix("20 s ") in finding["message"]
    assert answer.code == (1 if verdict == "fail" else 0)
    assert (finding["remedy"] is not None) == (verdict != "ok")


def test_a_platform_that_cannot_be_reached_fails_only_where_it_is_needed(cli: Cli) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # taken, and nobody listens
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        env = {"LINGPAI_WECHAT__BASE_URL": url, "LINGPAI_WECOM__BASE_URL": url}
        cli("caller", "add", "a")
        unused = cli("doctor", env=env)
        cli.add_sample()
        needed = cli("doctor", env=env)
        chinese = cli("doctor", env=env | {"LC_ALL": "zh_CN.UTF-8"})
    assert "the connection failed" in findings(needed)["upstream", "fail"]["message"]
    for check in ("upstream", "account"):
        assert "连接失败" in findings(chinese)[check, "fail"]["message"]
    assert unused.code == 0
    assert "base_url" in findings(unused)["upstream", "warn"]["remedy"]
    assert findings(unused)["account", "warn"]["remedy"]
    assert needed.code == 1
    assert findings(needed)["upstream", "fail"]["subject"] == "wechat"
    assert [
        each["subject"] for each in json.loads(needed.stdout)["findings"] if each["check"] == "upstream"
    ] == ["wechat"]


def test_offline_asks_nobody(cli: Cli, sandbox: Sandbox) -> None:
    cli.add_sample()
    answer = cli("doctor", "--offline")
    assert answer.json["healthy"]
    assert "upstream" not in [each["check"] for each in answer.json["findings"]]
    assert sandbox.control("GET", "received")["received"] == []


def test_proxies_in_trusted_networks_are_warned_of(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGPAI_EDGE__TRUSTED_PROXIES", '["127.0.0.1/32", "10.0.0.7/32"]')
    found = findings(cli("doctor", "--offline"))["settings", "warn"]
    assert "127.0.0.0/8 / 127.0.0.1/32" in found["message"]
    assert "10.0.0.7" not in found["message"]
    monkeypatch.setenv("LINGPAI_KEEPER__TRUSTED_NETWORKS", '["192.168.0.0/16"]')
    assert ("settings", "warn") not in findings(cli("doctor", "--offline"))


def test_no_store_is_said_and_none_is_made(cli: Cli) -> None:
    answer = cli("doctor")
    assert answer.code == 1
    assert "account add" in findings(answer)["store", "fail"]["remedy"]
    assert not cli.data.exists()


def test_open_files_are_named_with_the_command_that_closes_them(cli: Cli) -> None:
    cli("caller", "add", "a")
    (cli.data / "lingpai.db").chmod(0o640)
    answer = cli("doctor", "--offline")
    assert answer.code == 1
    assert "chmod 600" in findings(answer)["files", "fail"]["remedy"]
    (cli.data / "lingpai.db").chmod(0o600)
    cli.data.chmod(0o755)
    assert "chmod 700" in findings(cli("doctor", "--offline"))["files", "fail"]["remedy"]
    cli.data.chmod(0o700)
    assert cli("doctor", "--offline").code == 0


@pytest.mark.parametrize(
    "place",
    [".env", "lingpai.toml", "data/lingpai.toml", "data/dev.json", "data/old.backup.db", "data/lingpai.db-wal",
     "data/lingpai.db-journal", "data/socket"],
)  # fmt: skip
def test_each_file_with_a_secret_is_looked_at(cli: Cli, place: str) -> None:
    cli("caller", "add", "a")
    path = cli.home / place
    if path.name == "socket":
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
            listener.bind(str(path))
    elif not path.exists():
        path.write_text(
            '[redis]\nurl = "redis://:hunter2@127.0.0.1:6379/0"\n'
            if path.suffix == ".toml"
            else "THIRD_APPID_wx1=s\n"
        )
    path.chmod(0o644)
    answer = cli("doctor", "--offline")
    assert answer.code == 1
    finding = findings(answer)["files", "fail"]
    assert (finding["subject"], finding["remedy"]) == (str(path), f"Run `chmod 600 {path}`.")
    assert "hunter2" not in answer.stdout
    if path.exists():  # SQLite is done with its own
        path.chmod(0o600)
    assert ("files", "ok") in findings(cli("doctor", "--offline"))


def test_settings_without_a_secret_may_be_read_by_all(cli: Cli) -> None:
    cli("caller", "add", "a")
    for path, text in (
        (cli.home / "lingpai.toml", "port = 8123\n"),
        (cli.home / ".env", "LINGPAI_PORT=8124\nOTHER=1\n"),
    ):
        path.write_text(text)
        path.chmod(0o644)
    assert ("files", "ok") in findings(cli("doctor", "--offline"))


def test_the_files_of_a_node_are_looked_at_too(cli: Cli) -> None:
    (cli.home / ".env").write_text("LINGPAI_STORE=postgresql://u:hunter2@127.0.0.1:1/x\n")
    (cli.home / ".env").chmod(0o644)
    answer = cli("doctor", "--offline")
    assert f"chmod 600 {cli.home / '.env'}" in findings(answer)["files", "fail"]["remedy"]
    assert "hunter2" not in answer.stdout


def test_a_folder_where_others_can_replace_the_ring_is_named(cli: Cli) -> None:
    cli("caller", "add", "a")
    (cli.home / "rings").mkdir()
    (cli.data / "keyring.json").rename(cli.home / "rings" / "keyring.json")
    (cli.data / "keyring.json").symlink_to(cli.home / "rings" / "keyring.json")
    (cli.home / "rings").chmod(0o777)
    finding = findings(cli("doctor", "--offline"))["files", "fail"]
    assert finding["remedy"] == f"Run `chmod go-w {cli.home / 'rings'}`."


def test_another_key_under_the_same_number_is_found(cli: Cli) -> None:
    """As earlier releases numbered them: an old ring that was restored and rotated had key 2 again."""
    cli.add_sample()
    ring = cli.data / "keyring.json"
    document = json.loads(ring.read_bytes())
    document["keys"][0]["secret"] = base64.b64encode(bytes(32)).decode()
    ring.write_text(json.dumps(document))
    finding = findings(cli("doctor", "--offline"))["key ring", "fail"]
    assert (finding["subject"], "backup" in finding["remedy"]) == ("key 1", True)


def test_a_lost_or_open_or_foreign_key_ring_is_distinguished(cli: Cli) -> None:
    cli.add_sample()
    ring = cli.data / "keyring.json"
    content = ring.read_bytes()
    ring.chmod(0o644)
    assert "chmod 600" in findings(cli("doctor", "--offline"))["key ring", "fail"]["message"]
    ring.unlink()
    assert "backup" in findings(cli("doctor", "--offline"))["key ring", "fail"]["remedy"]
    assert not ring.exists()
    ring.touch(0o600)
    ring.write_bytes(content)
    foreign = KeyRing(ring)
    foreign.rotate(0)
    foreign.retire(1)
    assert (
        "that the ring does not have: 1."
        in findings(cli("doctor", "--offline"))["key ring", "fail"]["message"]
    )


def test_values_under_an_older_key_are_a_warning(cli: Cli) -> None:
    cli.add_sample()
    KeyRing(cli.data / "keyring.json").rotate(0)
    answer = cli("doctor", "--offline")
    assert answer.code == 0
    assert "key reseal" in findings(answer)["key ring", "warn"]["remedy"]


def test_users_whose_logins_differ_in_their_spelling_alone_are_named(cli: Cli) -> None:
    for login in ("ann", "bob"):
        cli("user", "add", login, "--realm", "mall", "--no-password")
    assert ("logins", "warn") not in findings(cli("doctor", "--offline"))
    with contextlib.closing(apsw.Connection(str(cli.data / "lingpai.db"))) as connection:
        connection.execute("UPDATE issuer_users SET login = 'Ann', login_key = ' Ann' WHERE login = 'bob'")
    found = findings(cli("doctor", "--offline"))[("logins", "warn")]
    assert (found["subject"], "exact spelling" in found["remedy"]) == ("mall/Ann", True)


def test_settings_that_do_not_do_are_a_finding(cli: Cli) -> None:
    answer = cli("doctor", env={"LINGPAI_PORT": "many", "LINGPAI_WORKERS": "0"})
    assert answer.code == 1
    message = findings(answer)["settings", "fail"]["message"]
    assert "LINGPAI_PORT" in message
    assert "LINGPAI_WORKERS" in message


def test_the_settings_files_that_were_read_are_named(cli: Cli) -> None:
    cli("caller", "add", "a")
    none = findings(cli("doctor", "--offline"))["settings", "ok"]["message"]
    assert f"no lingpai.toml in {cli.home}" in none
    files = [cli.home / "lingpai.toml", cli.data / "lingpai.toml"]
    for file in files:
        file.write_text("")
    answer = findings(cli("doctor", "--offline"))["settings", "ok"]["message"]
    assert answer.endswith(f"from {files[0]}, {files[1]}.")


def test_documented_commands_beside_the_unit_have_its_settings() -> None:
    unit = (ROOT / "deploy" / "lingpai.service").read_text("utf-8").splitlines()
    properties = [each for each in unit if each.startswith(("WorkingDirectory=", "EnvironmentFile="))]
    variables = [each.removeprefix("Environment=") for each in unit if each.startswith("Environment=")]
    assert len(properties) == 2
    assert variables
    page = (ROOT / "docs" / "how-to" / "production.md").read_text("utf-8").replace("\\\n", " ")
    commands = [line for line in page.splitlines() if "systemd-run" in line]
    assert commands
    for command in commands:
        for wanted in (*(f"-p {each}" for each in properties), *(f"-E {each}" for each in variables)):
            assert wanted in command


def test_an_account_that_no_env_names_any_more_is_reported(cli: Cli) -> None:
    cli.add_sample()
    env = cli.home / ".env"
    env.write_text("THIRD_APPID_wx00000000000000aa=secret\n")
    env.chmod(0o600)

    async def adopt() -> None:
        async with open_keeper(Settings(data=cli.data)) as keeper:
            await adopt_legacy(keeper.store, legacy_accounts(env))

    asyncio.run(adopt())
    assert ("account", "warn") not in findings(cli("doctor", "--offline"))
    env.unlink()
    finding = findings(cli("doctor", "--offline"))["account", "warn"]
    assert finding["subject"] == "wechat/wx00000000000000aa"
    assert "lingpai account remove wechat/wx00000000000000aa" in finding["remedy"]


EXPOSED = [
    ({"LINGPAI_HOST": "0.0.0.0"}, "public_url", "warn"),
    ({"LINGPAI_EDGE__TRUSTED_PROXIES": '["127.0.0.1/32"]'}, "public_url", "warn"),
    ({"LINGPAI_PUBLIC_URL": "http://tokens.internal:8000"}, "public_url", "warn"),
    ({"LINGPAI_KEEPER__TRUSTED_NETWORKS": '["0.0.0.0/0"]'}, "keeper.trusted_networks", "fail"),
    ({"LINGPAI_KEEPER__TRUSTED_NETWORKS": '["8.8.8.0/24"]'}, "keeper.trusted_networks", "warn"),
    ({"LINGPAI_EDGE__TRUSTED_PROXIES": '["::/0"]'}, "edge.trusted_proxies", "fail"),
    ({"LINGPAI_EDGE__METRICS_NETWORKS": '["8.0.0.0/8"]'}, "edge.metrics_networks", "warn"),
    ({"LINGPAI_HOST": "::"}, "keeper.allow_unconfigured", "warn"),
    ({"LINGPAI_WECHAT__BASE_URL": "http://proxy.internal:3128"}, "wechat.base_url", "warn"),
    ({"LINGPAI_YZB__BASE_URL": "http://10.0.0.7/yzb"}, "yzb.base_url", "warn"),
    ({"LINGPAI_REDIS__URL": "redis://:hunter2@cache.internal:6379/0"}, "redis.url", "warn"),
    ({"LINGPAI_STORE": "postgresql://u:hunter2@db.internal/x"}, "store", "warn"),
    (
        {"LINGPAI_STORE": "postgresql://u:hunter2@127.0.0.1:1,db.internal:5432/x?sslmode=require"},
        "store",
        "warn",
    ),
]


@pytest.mark.parametrize(("env", "name", "verdict"), EXPOSED)
def test_what_strangers_reach_and_what_travels_in_clear_is_named(
    env: dict[str, str], name: str, verdict: str
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in env.items():
            patched.setenv(variable, value)
        found = {each.subject: each for each in check_exposure(load_settings())}
    assert found[name].verdict == verdict
    assert found[name].remedy
    assert "hunter2" not in str(found)


def test_what_stays_on_this_machine_or_is_encrypted_is_well(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_exposure(load_settings()) == []
    for variable, value in {
        "LINGPAI_HOST": "10.0.0.5",
        "LINGPAI_PUBLIC_URL": "https://tokens.example.com",
        "LINGPAI_EDGE__TRUSTED_PROXIES": '["10.0.0.2/32"]',
        "LINGPAI_KEEPER__ALLOW_UNCONFIGURED": "false",
        "LINGPAI_KEEPER__TRUSTED_NETWORKS": '["10.1.0.0/16", "fd00::/8"]',
        "LINGPAI_WECHAT__BASE_URL": "http://localhost:8001",
        "LINGPAI_REDIS__URL": "rediss://cache.internal:6379/0",
        "LINGPAI_STORE": "postgresql://u@db.internal/x?sslmode=verify-full",
    }.items():
        monkeypatch.setenv(variable, value)
    assert check_exposure(load_settings()) == []
    for local in (
        "postgresql:///x?host=/run/postgresql",
        "postgresql://u@[::1]:5432/x",
        "postgresql://u@localhost/x",
    ):
        monkeypatch.setenv("LINGPAI_STORE", local)
        assert check_exposure(load_settings()) == []


def test_the_proxy_is_named_and_no_password_shown(cli: Cli) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{bound.getsockname()[1]}"
        env = {
            "LINGPAI_WECHAT__BASE_URL": "http://user:hunter2@wechat.example",
            "HTTP_PROXY": f"http://proxyuser:hunter3@{at}",
            "NO_PROXY": "",
        }
        cli.add_sample()
        answer = cli("doctor", env=env)
    finding = findings(answer)["upstream", "fail"]
    assert f"http://wechat.example (by the proxy http://{at}, of HTTP_PROXY)" in finding["message"]
    assert "hunter" not in answer.stdout
    own = cli("doctor", env=env | {"LINGPAI_WECHAT__PROXY": f"http://proxyuser:hunter4@{at}"})
    assert f"(by the proxy http://{at}, of wechat.proxy)" in findings(own)["upstream", "fail"]["message"]
    assert "hunter" not in own.stdout
