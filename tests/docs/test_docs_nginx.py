"""The documentation's nginx files in front of real nodes: TLS, addresses, `/metrics`, and a rolling restart."""

import asyncio
import contextlib
import getpass
import http.client
import json
import os
import re
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.ports import free_port
from lingpai.sandbox import SAMPLE_APP
from tests.docs.blocks import ROOT, blocks
from tests.helpers.certificates import make_certificate
from tests.helpers.postgres import make_template
from tests.helpers.postgres_server import start_server
from tests.helpers.sandbox import running_sandbox
from tests.prepare import find_command
from tests.store.postgresql.hardship import run
from tests.strength.services import Service, ending

pytestmark = pytest.mark.skipif(find_command("nginx") is None, reason="nginx is not installed")

PAGES = ("production.md", "production.zh-CN.md", "postgresql.md", "postgresql.zh-CN.md")
SETTINGS: dict[str, Any] = {
    "EDGE__TRUSTED_PROXIES": '["127.0.0.1/32"]',
    "KEEPER__TRUSTED_NETWORKS": '["127.0.0.2/32"]',
}
TOKEN = f"/AccessToken/getXcx?appid={SAMPLE_APP.appid}"
HTTP = """\
{user}
daemon off;
pid nginx.pid;
events {{}}
http {{
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
{block}
}}
"""


def example(page: str) -> str:
    """Return the nginx file that a page shows."""
    (found,) = (each for each in blocks(ROOT / "docs" / "how-to" / page) if each.language == "nginx")
    return "\n".join(found.lines)


def on_this_machine(text: str, port: int, upstreams: list[str], folder: Path) -> str:
    """Return the example with the addresses, the port and the files of a test in the place of its own."""
    shown = re.findall(r"server (\d+\.\d+\.\d+\.\d+:\d+)", text)
    assert len(shown) == len(upstreams)
    for old, new in zip(shown, upstreams, strict=True):
        text = text.replace(f"server {old}", f"server {new}")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    return text.replace("/etc/ssl/", f"{folder}/")


class Proxy:
    """An nginx that runs.

    Attributes:
        url: its address, by https.
    """

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self._trust = ssl.create_default_context(cafile=str(folder / "tokens.pem"))

    def ask(self, path: str, source: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
        """Return status and body of the answer to a GET from the address `source`."""
        place = self.url.removeprefix("https://")
        connection = http.client.HTTPSConnection(
            place, timeout=30, source_address=(source, 0), context=self._trust
        )
        with contextlib.closing(connection):
            connection.request(
                "GET", path, headers={name.replace("_", "-"): each for name, each in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@contextlib.contextmanager
def nginx(page: str, upstreams: list[str], folder: Path) -> Iterator[Proxy]:
    """Run nginx with the file of a page before these nodes."""
    folder.mkdir()
    make_certificate(folder / "tokens.pem", folder / "tokens.key")
    port = free_port()
    # started by root, its worker would become another user, who may not read the folder of a test
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    block = on_this_machine(example(page), port, upstreams, folder)
    (folder / "nginx.conf").write_text(HTTP.format(user=user, block=block), "utf-8")
    command = [str(find_command("nginx")), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    checked = subprocess.run([*command, "-t"], cwd=folder, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    with subprocess.Popen(command, cwd=folder) as process:
        proxy = Proxy(port, folder)
        try:
            wait_until_it_listens(proxy, process)
            yield proxy
        finally:
            process.terminate()


def wait_until_it_listens(proxy: Proxy, process: "subprocess.Popen[bytes]") -> None:
    """Come back once it takes requests."""
    pause = threading.Event()
    for _ in range(200):
        with contextlib.suppress(OSError):
            proxy.ask("/health/live")
            return
        assert process.poll() is None
        pause.wait(0.05)
    raise TimeoutError


def at(service: Service) -> str:
    """Return host and port of a node."""
    return service.url.removeprefix("http://")


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("production")])
def test_one_node_behind_nginx_sees_the_clients_address(page: str, tmp_path: Path) -> None:
    with running_sandbox() as upstream:
        secret = {f"THIRD_APPID_{SAMPLE_APP.appid}": SAMPLE_APP.secret}
        service = Service(tmp_path / "data", upstream, extra=secret, **SETTINGS)
        with ending(service), nginx(page, [at(service)], tmp_path / "nginx") as proxy:
            assert proxy.ask("/health/live")[0] == 200
            assert proxy.ask("/metrics")[0] == 403
            assert code(proxy, "127.0.0.2") == 0
            assert code(proxy, "127.0.0.3") == 403
            # what a client writes into the header itself does not count
            assert code(proxy, "127.0.0.3", X_Forwarded_For="127.0.0.2") == 403


def code(proxy: Proxy, source: str, **headers: str) -> int:
    """Return the `code` that a token call from `source` is answered."""
    found: int = json.loads(proxy.ask(TOKEN, source, **headers)[1])["code"]
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("postgresql")])
def test_a_rolling_restart_of_two_nodes_behind_nginx_is_not_seen(page: str, tmp_path: Path) -> None:
    with start_server() as server, running_sandbox() as upstream:
        asyncio.run(make_template(server))
        asyncio.run(run(server.dsn("postgres"), "CREATE DATABASE lingpai TEMPLATE lingpai_template"))
        ports = [free_port(), free_port()]
        ring = tmp_path / "ring" / "keyring.json"

        def start(number: int) -> Service:
            given: dict[str, Any] = {"STORE": server.dsn("lingpai"), "KEY_RING": ring, **SETTINGS}
            service = Service(tmp_path / f"node-{number}", upstream, PORT=ports[number], **given)
            service.wait_ready(1)
            return service

        nodes = [start(0), start(1)]
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: [node.stop() for node in nodes])
            proxy = stack.enter_context(
                nginx(page, [f"127.0.0.1:{port}" for port in ports], tmp_path / "nginx")
            )
            seen, done = Counter[int](), threading.Event()

            def load() -> None:
                while not done.is_set():
                    seen[proxy.ask("/health/ready")[0]] += 1

            clients = [threading.Thread(target=load) for _ in range(4)]
            for client in clients:
                client.start()
            try:
                for number in (0, 1):
                    assert nodes[number].stop() == 0
                    before = seen.total()
                    while seen.total() < before + 50:  # one node answers all
                        done.wait(0.01)
                    nodes[number] = start(number)
            finally:
                done.set()
                for client in clients:
                    client.join()
        assert set(seen) == {200}, seen
        assert seen.total() >= 100
