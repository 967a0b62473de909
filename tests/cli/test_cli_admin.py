import http.client
import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from bench.ports import free_port
from tests.cli.conftest import Cli
from tests.cli.served import serving


def ask(port: int, key: str, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/admin/v1" + path, headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


def test_a_key_is_made_listed_and_removed(cli: Cli) -> None:
    made = cli("admin", "add", "ann", "--role", "owner", "--expires", "30d", "--network", "127.0.0.0/8").json
    assert made["key"].startswith(f"lpa_{made['key_id']}_")
    assert made["valid"] is True
    listed = cli("admin", "list")
    assert made["key"] not in listed.stdout
    assert listed.json == [{name: value for name, value in made.items() if name != "key"}]
    assert cli("admin", "add", "ann", "--role", "viewer").code == 1
    assert cli("admin", "add", "bob", "--role", "emperor").code == 1
    assert cli("admin", "add", "bob", "--role", "viewer", "--expires", "400d").code == 1
    assert cli("admin", "remove", "ann").json == {"name": "ann", "outcome": "removed"}
    assert cli("admin", "remove", "ann").code == 1
    assert cli("admin", "list").json[0]["valid"] is False
    assert [each["action"] for each in cli("audit", "list").json] == ["admin.remove", "admin.add"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_api_has_a_listener_of_its_own(cli: Cli, workers: str) -> None:
    key = cli("admin", "add", "ann", "--role", "owner").json["key"]
    port = free_port()
    cli.env |= {"LINGPAI_ADMIN__LISTEN": f"127.0.0.1:{port}", "LINGPAI_WORKERS": workers}
    with serving(cli) as url:
        assert ask(port, key, "/whoami") == (
            200,
            {
                "name": "ann",
                "role": "owner",
                "rights": [
                    *("admin", "audit:read", "keeper:read", "keeper:write", "issuer:read", "issuer:write"),
                    "secrets:reveal",
                ],
            },
        )
        cli("caller", "add", "shop")
        assert ask(port, key, "/callers/shop")[1]["caller"] == "shop"
        service = int(url.rpartition(":")[2])
        assert ask(service, key, "/whoami")[0] == 404
        assert ask(port, "x", "/callers")[0] == 401


def test_a_unix_socket_is_for_its_owner_alone(cli: Cli) -> None:
    key = cli("admin", "add", "ann", "--role", "viewer").json["key"]
    path = cli.home / "admin.sock"
    cli.env["LINGPAI_ADMIN__LISTEN"] = f"unix:{path}"
    with serving(cli), socket.socket(socket.AF_UNIX) as connection:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        connection.connect(str(path))
        head = f"GET /admin/v1/whoami HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
        connection.sendall(head.encode())
        assert b"200" in connection.recv(4096).partition(b"\r\n")[0]
    assert not path.exists()


def test_it_is_off_unless_a_setting_says_where(cli: Cli) -> None:
    key = cli("admin", "add", "ann", "--role", "owner").json["key"]
    with serving(cli) as url:
        assert ask(int(url.rpartition(":")[2]), key, "/whoami")[0] == 404


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"LISTEN": "0.0.0.0:8010"}, "not a loopback address"),
        ({"LISTEN": "[::]:8010"}, "not a loopback address"),
        ({"LISTEN": "192.0.2.1:8010"}, "not a loopback address"),
        ({"LISTEN": "admin.example.com:8010"}, "not a loopback address"),
        ({"LISTEN": "8010"}, "HOST:PORT"),
        ({"LISTEN": "127.0.0.1:99999"}, "HOST:PORT"),
        ({"LISTEN": "127.0.0.1:1", "TLS_KEY": "x.pem"}, "go together"),
        ({"LISTEN": "127.0.0.1:1", "NETWORKS": '["x"]'}, "admin.networks"),
    ],
)
def test_an_address_that_shows_keys_to_others_is_refused(cli: Cli, env: dict[str, str], said: str) -> None:
    refused = cli("config", "show", env={f"LINGPAI_ADMIN__{name}": value for name, value in env.items()})
    assert refused.code == 1
    assert said in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    "env",
    [
        {"LISTEN": "127.0.0.1:8010"},
        {"LISTEN": "[::1]:8010"},
        {"LISTEN": "localhost:8010"},
        {"LISTEN": "unix:admin.sock"},
        {"LISTEN": "0.0.0.0:8010", "BEHIND_TLS": "true"},
        {"LISTEN": "0.0.0.0:8010", "TLS_KEY": "key.pem", "TLS_CERTIFICATE": "full.pem"},
    ],
)
def test_a_protected_address_is_taken(cli: Cli, env: dict[str, str], tmp_path: Path) -> None:
    del tmp_path
    checked = cli("config", "show", env={f"LINGPAI_ADMIN__{name}": value for name, value in env.items()})
    assert checked.code == 0, checked.stderr
