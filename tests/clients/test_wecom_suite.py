"""Unmodified SDKs of a provider of WeCom: they read what the sandbox pushes, and Lingpai takes what they push."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import pytest

from lingpai.core.message_fields import read_fields
from tests.clients.running import Clients
from tests.clients.stack import Stack

Json = dict[str, Any]
PROVIDER_SECRET = "sample-provider-secret"  # which node-easywechat wants besides


@contextmanager
def receiving() -> Iterator[tuple[str, "Queue[Json]"]]:
    """An address that answers every push with success, and the pushes."""
    pushed: Queue[Json] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            pushed.put({**dict(parse_qsl(urlsplit(self.path).query)), "body": body})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"success")

        def log_message(self, *_: object) -> None:
            """Nothing is written to the test's output."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", pushed
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def suite(stack: Stack) -> Json:
    """The sample suite."""
    samples = stack.samples
    return {
        "suite_id": samples.suite_id,
        "secret": samples.suite_secret,
        "token": samples.suite_token,
        "encoding_key": samples.suite_key,
        "corpid": samples.suite_corpid,
        "provider_secret": PROVIDER_SECRET,
    }


def ask(url: str, method: str, body: bytes) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: bytes = answer.read()
    return found


def test_wechatpy_and_node_easywechat(stack: Stack, suite: Json, clients: Clients) -> None:
    corp = stack.samples.merchant_corpid
    with receiving() as (url, pushes):
        switch = {"account": suite["suite_id"], "callback": url, "provider_secret": PROVIDER_SECRET}
        ask(f"{stack.sandbox}/_sandbox/accounts", "PATCH", msgspec.json.encode(switch))
        pushed = pushes.get(timeout=20)
        auth_code = stack.control("authorizations", {"account": corp})["auth_code"]
        js_code = stack.control("codes", {"account": corp, "kind": "mini", "user": "bob"})["code"]
        wanted = {"suite": suite, "pushed": pushed, "auth_code": auth_code, "js_code": js_code}
        found = clients.wechatpy(2, "wechatpy_suite", wanted).found()
    assert found["session"]["errcode"] == 0
    assert found["granted"]["auth_corp_info"]["corpid"] == corp
    assert (found["user"]["corpid"], found["user"]["userid"]) == (corp, "bob")

    made = read_fields(found["forwarded"].encode())
    query = {"msg_signature": made["MsgSignature"], "timestamp": made["TimeStamp"], "nonce": made["Nonce"]}
    callback = f"{stack.url}/callback/wecom_suite/{suite['suite_id']}?{urlencode(query)}"
    assert ask(callback, "POST", found["forwarded"].encode()) == b"success"
    assert stack.held("wecom_suite", suite["suite_id"]) == found["token"]

    permanent_code = found["granted"]["permanent_code"]
    wanted = {"suite": suite, "ticket": found["ticket"], "corpid": corp, "permanent_code": permanent_code}
    node = clients.node("node-easywechat suite", wanted).found()
    assert node["token"] == found["token"]
    assert node["visit"]["expires_in"] == 1200
    assert node["about"]["auth_corp_info"]["corpid"] == corp
    assert node["corp_token"] == found["granted"]["access_token"]
