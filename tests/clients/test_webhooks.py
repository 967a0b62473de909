"""Every delivery to a webhook is verified by `standardwebhooks`, unmodified, with the old secret and the new one."""

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingpai.core.hooks import Hook
from lingpai.keeper.hooks import new_secret, rotated
from lingpai.service import open_keeper
from lingpai.settings import Settings
from tests.clients.running import Clients
from tests.clients.stack import Stack

WAIT = 20.0
OLD, NEW = new_secret(), new_secret()
Delivery = tuple[dict[str, str], str]


@pytest.fixture
def deliveries() -> Iterator[tuple[list[Delivery], str]]:
    """What comes at an address, and the address."""
    got: list[Delivery] = []

    class Taker(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield got, f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
        thread.join()


@pytest.fixture
def extras(deliveries: tuple[list[Delivery], str], tmp_path: Path) -> dict[str, Any]:
    del tmp_path

    async def add(settings: Settings) -> None:
        async with open_keeper(settings) as keeper:
            hook = rotated(Hook(name="ops", url=deliveries[1], secret=OLD), NEW, time.time() + 3600)
            await keeper.store.add_hook(hook)

    return {"add": add, "keeper": {"hook_networks": ["127.0.0.0/8"]}}


@pytest.mark.parametrize("language", ["python", "node"])
def test_standardwebhooks(
    stack: Stack, clients: Clients, deliveries: tuple[list[Delivery], str], language: str
) -> None:
    got, _ = deliveries
    stack.held("wechat", stack.samples.appid)
    stack.held("wechat", stack.samples.appid, kind="jsapi_ticket")
    end = time.monotonic() + WAIT
    while not {"token.renewed", "ticket.renewed"} <= {body.split('"')[3] for _, body in got}:
        assert time.monotonic() < end, got
        time.sleep(0.05)
    came = list(got)
    wanted = {"secrets": [OLD, NEW], "deliveries": came}
    if language == "node":
        found = clients.node("standardwebhooks", wanted).found()
    else:
        found = clients.webhooks("run_standardwebhooks", wanted).found()
    assert len(found["verified"]) == 2 * len(came)
    assert {"token.renewed", "ticket.renewed"} <= set(found["verified"])
    assert found["refused"] == found["verified"]
