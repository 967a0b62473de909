"""Unmodified client libraries work against the sandbox: only the platforms' addresses lead to it."""

import json
import warnings
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP
from tests.helpers.sandbox import running_sandbox

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own, on import
    import wechatpy
    from wechatpy.enterprise import WeChatClient as WorkClient


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_sandbox() as url:
        yield url


class Detour(HTTPAdapter):
    """Leads whatever is sent to a platform's host to the sandbox, as a hosts file would."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        parts = urlsplit(str(request.url))
        request.url = f"{self._url}{parts.path}?{parts.query}"
        return super().send(request, *args, **options)


def led(client: Any, url: str) -> Any:
    """``client`` with its platform's address leading to the sandbox."""
    client._http.mount("https://", Detour(url))
    return client


def test_wechatpy_of_an_official_account(url: str) -> None:
    client = led(wechatpy.WeChatClient(SAMPLE_APP.appid, SAMPLE_APP.secret), url)
    client.menu.create({"button": [{"type": "click", "name": "你好", "key": "K"}]})
    assert client.menu.get()["menu"]["button"][0]["name"] == "你好"
    assert client.user.get_followers()["total"] == 0
    assert len(client.jsapi.get_ticket()["ticket"]) == 86


def test_wechatpy_of_a_corp(url: str) -> None:
    client = led(WorkClient(SAMPLE_CORP.corpid, SAMPLE_AGENT.secret), url)
    assert client.agent.get(SAMPLE_AGENT.agentid)["name"] == SAMPLE_AGENT.name
    assert client.message.send_text(SAMPLE_AGENT.agentid, "alice", "hi")["errcode"] == 0
    with pytest.raises(wechatpy.exceptions.WeChatClientException) as refused:
        client.agent.get(1)
    assert refused.value.errcode == 301002


def test_javas_client_offers_an_upgrade_and_keeps_its_body(url: str) -> None:
    """As `java.net.http.HttpClient` sends each request to a plain-http address."""
    parts = urlsplit(url)
    fields = {"grant_type": "client_credential", "appid": SAMPLE_APP.appid, "secret": SAMPLE_APP.secret}
    headers = {
        "Connection": "Upgrade, HTTP2-Settings",
        "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        "Upgrade": "h2c",
        "User-Agent": "Java-http-client/17.0.9",
    }
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        for _ in range(2):  # on one connection
            connection.request("POST", "/cgi-bin/stable_token", json.dumps(fields), headers)
            answer = json.loads(connection.getresponse().read())
            assert "access_token" in answer, answer
    finally:
        connection.close()
