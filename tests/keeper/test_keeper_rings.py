"""Two nodes with a key ring each: after a rotation on one, the other says why it cannot answer, and never crashes."""

import contextlib
import hashlib
import html
import io
import json
import re
import shutil
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lingpai.core.audit import Change
from lingpai.devdata.issuer import add_issuer_samples
from lingpai.devdata.keeper import add_accounts
from lingpai.devdata.records import Samples
from lingpai.edge.app import EdgeApp
from lingpai.operating.sealing import reseal
from lingpai.service import issuers_of, open_keeper, open_service
from lingpai.settings import Settings
from tests.helpers.direct import Direct

NOWHERE = {"base_url": "http://127.0.0.1:1"}
ORIGIN = "http://127.0.0.1:8000"
SAMPLES = Samples()
HIDDEN = re.compile(r'<input type="?hidden"? name="?(\w+)"? value="([^"]*)"')


def node(tmp_path: Path, name: str) -> Settings:
    """The settings of a node that has a key ring of its own and shares the store."""
    ring = tmp_path / name / "keyring.json"
    given: dict[str, Any] = {"wechat": NOWHERE, "wecom": NOWHERE}
    return Settings(data=tmp_path / "data", key_ring=ring, **given)


@contextlib.asynccontextmanager
async def left_behind(tmp_path: Path) -> AsyncIterator[EdgeApp]:
    """The service of a node that runs on the ring from before: another one has rotated and encrypted all again."""
    first, second = node(tmp_path, "first"), node(tmp_path, "second")
    for each in (first, second):
        each.key_ring_file.parent.mkdir(mode=0o700)
    async with open_keeper(first) as keeper:
        await add_accounts(keeper, SAMPLES)
        issuers = await issuers_of(first, keeper)
        await add_issuer_samples(issuers, first.enabled_realms(), SAMPLES.issuer, ORIGIN)
        shutil.copy(first.key_ring_file, second.key_ring_file)
        async with open_service(second) as app:
            assert (await Direct(app).ask("GET", "/health/ready")).status_code == 200
            keeper.ring.rotate(keeper.clock.now())
            await reseal(keeper, lambda _done: None, Change("key.reseal", "2"))
            yield app


def questions() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """A request of each kind that needs something encrypted, in every shape of both wings."""
    app = {"appid": SAMPLES.appid}
    login = {"grant_type": "authorization_code", "js_code": "c", "secret": SAMPLES.caller_key}
    key = {"headers": {"authorization": f"Bearer {SAMPLES.caller_key}"}}
    issuer = SAMPLES.issuer
    form = {"content-type": "application/x-www-form-urlencoded"}
    timestamp = str(int(time.time()))
    sign = hashlib.md5(
        f"{issuer['open_client_id']}{timestamp}{issuer['open_secret']}".encode(), usedforsecurity=False
    )
    who = f"client_id={issuer['open_client_id']}&id={uuid.uuid4()}&scope=all"
    signed = f"{who}&timestamp={timestamp}&sign={sign.hexdigest()}"
    yzb = f"app_id={issuer['yzb_app_id']}&secret={issuer['yzb_secret']}"
    page = {"wx_app_id": SAMPLES.appid, "url": "https://shop.example/"}
    return {
        "compatible": ("GET", "/AccessToken/getXcx", {"params": app}),
        "compatible WeCom": ("GET", "/AccessToken/getQyapi",
                             {"params": {"corpid": SAMPLES.corpid, "secret": SAMPLES.first_agent_key}}),
        "signing": ("POST", "/JsSDK/getJsApiSign", {"json": page}),
        "exchange": ("POST", "/AccessToken/getOauthAccessToken", {"json": {**page, "code": "c"}}),
        "drop-in": ("GET", "/cgi-bin/token",
                    {"params": {"grant_type": "client_credential", "secret": SAMPLES.caller_key, **app}}),
        "drop-in login": ("GET", "/sns/jscode2session",
                          {"params": {**login, **app}}),
        "/v1": ("GET", f"/v1/tokens/wechat/{SAMPLES.appid}", key),
        "health": ("GET", "/health/accounts", key),
        "yzb": ("POST", "/OAuth2/token", {"body": f"{yzb}&grant_type=client_credential", "headers": form}),
        "yilianyun": ("POST", "/oauth/oauth",
                      {"body": f"{signed}&grant_type=client_credentials", "headers": form}),
    }  # fmt: skip


async def log_in(client: Direct) -> int:
    """The status that a user gets who logs in with the right password."""
    asked = await client.ask("GET", "/user/mall/login", headers={"accept": "text/html"})
    assert asked.status_code == 200
    fields = {html.unescape(name): html.unescape(value) for name, value in HIDDEN.findall(asked.text)}
    answer = await client.ask(
        "POST",
        "/user/mall/login",
        headers={
            "content-type": "application/x-www-form-urlencoded",
            "accept": "text/html",
            "cookie": "; ".join(each.partition(";")[0] for each in asked.headers.get_all("set-cookie", [])),
        },
        body=urlencode({**fields, "login": "alice", "password": SAMPLES.issuer["first_password"]}),
    )
    return answer.status_code


async def test_a_node_with_the_ring_from_before_answers_503_and_says_why(
    tmp_path: Path, log_lines: io.StringIO
) -> None:
    async with left_behind(tmp_path) as app:
        client, refused = Direct(app), dict[str, dict[str, Any]]()
        for name, (method, path, sent) in questions().items():
            log_lines.truncate(0)
            log_lines.seek(0)
            await client.ask(method, path, **sent)
            lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
            assert [line for line in lines if "exception" in line] == []
            [refused[name]] = [line for line in lines if line["event"] == "request"] or [{}]
        assert refused.pop("yzb") == {}, "its secrets are digests, which every ring of the store makes"
        assert {name: line.get("error") for name, line in refused.items()} == dict.fromkeys(
            refused, "store_unavailable"
        )
        for line in refused.values():
            assert line["status"] in (200, 503), line  # 200 where the dialect puts its error into the body
            assert "Every node needs the same key ring" in line["detail"]
        ready = await client.ask("GET", "/health/ready")
        assert ready.status_code == 503
        assert ready.json["reasons"][0]["what"] == "key ring"
        assert await log_in(client) == 503
        (tmp_path / "second" / "keyring.json").unlink()
        missing = await client.ask("GET", "/health/ready")
        assert (missing.status_code, missing.json["reasons"][0]["what"]) == (503, "key ring")
