"""Who is answered without a key: programs in trusted networks, by names that are ours. Real sockets, raw requests."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from lingpai.edge.app import create_app
from lingpai.edge.metrics import Exposition
from lingpai.edge.options import EdgeOptions
from lingpai.keeper.routes.shapes import GENERIC
from lingpai.sandbox import SAMPLE_APP
from lingpai.settings import load_settings
from tests.edge.running_edge import Answer, Edge, running
from tests.keeper.harness import CLEAR_XCX, HELD, XCX, Harness, staged

APPID, SECRET = SAMPLE_APP.appid, SAMPLE_APP.secret
GET_XCX = f"{XCX}?appid={APPID}"
CLEAR = f"{CLEAR_XCX}?appid={APPID}"
SIGN = ("/JsSDK/getJsApiSign", f'{{"wx_app_id":"{APPID}","url":"https://shop.example/"}}')
SIGN_V1 = (f"/v1/signatures/wechat/{APPID}", '{"url":"https://shop.example/"}')
EXCHANGE = ("/AccessToken/getOauthAccessToken", f'{{"wx_app_id":"{APPID}","code":"nonsense"}}')
REPORT = ("/keeper/report", '{"access_token":"nonsense"}')
PROXY = {"trusted_proxies": ("127.0.0.1/32",)}

HIDING = [
    [],
    [""],
    ["unknown"],
    ["unix:"],
    ["_hidden"],
    ["203.0.113.9,"],
    ["127.0.0.1"],
    ["203.0.113.9", "unknown"],
    ["10.0.0.1%eth0"],
    ["127.0.0.1:evil"],
]
"""Values of X-Forwarded-For with which a trusted proxy names no client."""

IMAGE = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/149.0.0.0 Safari/537.36",
    "accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "accept-encoding": "gzip, deflate",
    "accept-language": "en-US,en;q=0.9",
}
"""What Chromium sends for `<img src=http://10.0.0.5/…>`: neither Origin nor Sec-Fetch."""


@contextlib.asynccontextmanager
async def opened(tmp_path: Path, **changes: Any) -> AsyncIterator[tuple[Harness, Edge]]:
    async with staged(tmp_path, **changes) as harness, running(harness.app) as edge:
        await harness.add_app()
        yield harness, edge


async def ask(
    edge: Edge, target: str, body: str = "", *, host: str = "127.0.0.1", method: str = "", **headers: str
) -> Answer:
    lines = [
        f"{method or ('POST' if body else 'GET')} {target} HTTP/1.1",
        f"host: {host}",
        "connection: close",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method == "POST":
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return await edge.raw("\r\n".join([*lines, "", body]).encode(), method)


def refused(answer: Answer) -> bool:
    if answer.status == 200:
        return bool(answer.json.get("code") == 403) and answer.json["data"] == {}
    return answer.status in {401, 403}


@pytest.mark.parametrize("hops", HIDING, ids=str)
async def test_a_client_that_a_trusted_proxy_does_not_name_is_nobody(tmp_path: Path, hops: list[str]) -> None:
    everybody = {"trusted_networks": ("0.0.0.0/0", "::/0")}
    async with opened(tmp_path, edge=PROXY, keeper=everybody) as (harness, edge):
        lines = "".join(f"x-forwarded-for: {hop}\r\n" for hop in hops)
        for target in (GET_XCX, CLEAR, HELD):
            message = f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}connection: close\r\n\r\n"
            assert refused(await edge.raw(message.encode())), target
        key = await harness.add_caller("narrow", networks=("0.0.0.0/0", "::/0"))
        with_key = f"GET {GET_XCX} HTTP/1.1\r\nhost: a.b\r\nauthorization: Bearer {key}\r\n{lines}\r\n"
        assert refused(await edge.raw(with_key.encode()))
        secret = f"GET {GET_XCX}&secret={SECRET} HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}\r\n"
        assert (await edge.raw(secret.encode())).json["code"] == 0
        ready = f"GET /health/ready HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}\r\n"
        assert (await edge.raw(ready.encode())).json["reasons"] == []


async def test_a_named_client_is_taken_by_his_own_address(tmp_path: Path) -> None:
    async with opened(tmp_path, edge=PROXY, keeper={"trusted_networks": ("10.0.0.0/8",)}) as (_, edge):
        assert (await ask(edge, GET_XCX, x_forwarded_for="10.1.2.3")).json["code"] == 0
        assert (await ask(edge, GET_XCX, x_forwarded_for="10.1.2.3:4711")).json["code"] == 0
        assert refused(await ask(edge, GET_XCX, x_forwarded_for="203.0.113.9"))


async def test_metrics_are_for_nobody_who_hides(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, edge=PROXY)
    route = Exposition().route(GENERIC, networks=settings.edge.metrics_networks)
    app = create_app([route], [("", GENERIC)], settings.edge_options())
    async with running(app) as edge:
        for hop in ("unknown", "unix:", "_hidden", "203.0.113.9,"):
            assert (await ask(edge, "/metrics", x_forwarded_for=hop)).status == 403
        assert (await ask(edge, "/metrics")).status == 403
        assert (await ask(edge, "/metrics", x_forwarded_for="192.168.1.9")).status == 200
    async with running(create_app([route], [("", GENERIC)], EdgeOptions())) as edge:
        assert (await ask(edge, "/metrics")).status == 200
        for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:80"):
            assert (await ask(edge, "/metrics", host=host)).status == 403
        assert (await ask(edge, "/metrics", origin="http://evil.example")).status == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.nip.io"]
)
async def test_a_rebound_name_gets_nothing_without_a_key(tmp_path: Path, host: str) -> None:
    async with opened(tmp_path) as (harness, edge):
        held = await harness.token()
        for target in (GET_XCX, CLEAR, HELD):
            assert refused(await ask(edge, target, host=host)), target
        for target, body in (SIGN, SIGN_V1, EXCHANGE, REPORT):
            assert refused(await ask(edge, target, body, host=host)), target
        assert refused(await ask(edge, CLEAR, method="POST", host=host))
        assert (await ask(edge, "/health/ready", host=host)).json["reasons"] == []
        # Who has a key or the secret may call it what he likes.
        key = await harness.add_caller(apps=("*",))
        for given in ({"authorization": f"Bearer {key}"}, {}):
            query = "" if given else f"&secret={SECRET}"
            answer = await ask(edge, GET_XCX + query, host=host, **given)
            assert answer.json["data"]["access_token"] == held


async def test_names_that_are_listed_are_ours(tmp_path: Path) -> None:
    names = {"hosts": ("lingpai.corp.example", ".svc.cluster.local")}
    async with opened(tmp_path, edge=names, public_url="https://tokens.example.com:8443") as (_, edge):
        ours = ("localhost:8000", "keeper", "[::1]:8000", "lingpai.corp.example", "a.svc.cluster.local:80")
        for host in (*ours, "tokens.example.com"):
            assert (await ask(edge, GET_XCX, host=host)).json["code"] == 0, host
        assert refused(await ask(edge, GET_XCX, host="x.tokens.example.com"))


@pytest.mark.parametrize(
    "headers",
    [
        IMAGE,
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
        {"sec_fetch_site": "same-origin"},
        {"referer": "http://evil.example/"},
    ],
    ids=str,
)
async def test_a_browser_gets_nothing_by_its_network(tmp_path: Path, headers: dict[str, str]) -> None:
    async with opened(tmp_path) as (harness, edge):
        await harness.token()
        for target in (GET_XCX, CLEAR, HELD):
            assert refused(await ask(edge, target, **headers)), target
        for target, body in (SIGN, SIGN_V1, EXCHANGE, REPORT):
            assert refused(await ask(edge, target, body, **headers)), target
        assert refused(await ask(edge, CLEAR, method="POST", **headers))
        assert (await ask(edge, f"{GET_XCX}&secret={SECRET}", **headers)).json["code"] == 0


async def test_nothing_is_changed_by_get_without_a_key(tmp_path: Path) -> None:
    async with opened(tmp_path) as (harness, edge):
        before = await harness.token()
        harness.clock.advance(120)
        for method in ("GET", "HEAD"):
            await ask(edge, CLEAR, method=method)
        assert refused(await ask(edge, CLEAR))
        assert not (await harness.held()).suspect
        assert await harness.token() == before
        key = await harness.add_caller(apps=("*",))
        assert (await ask(edge, CLEAR, authorization=f"Bearer {key}")).json["code"] == 0
        assert (await ask(edge, f"{CLEAR}&secret={SECRET}")).json["code"] == 0
        assert (await ask(edge, CLEAR, method="POST")).json["code"] == 0


@pytest.mark.parametrize(
    "headers",
    [{}, {"user_agent": "curl/8.5.0", "accept": "*/*"}, {"user_agent": "node", "sec_fetch_mode": "cors"}],
)
async def test_programs_ask_as_before(tmp_path: Path, headers: dict[str, str]) -> None:
    async with opened(tmp_path) as (_, edge):
        assert (await ask(edge, GET_XCX, **headers)).json["code"] == 0
        assert (await ask(edge, *SIGN, **headers)).json["code"] == 0
        assert (await ask(edge, *REPORT, **headers)).json["code"] == 0


async def test_a_missing_and_a_wrong_key_are_401_with_a_challenge(tmp_path: Path) -> None:
    async with opened(tmp_path, keeper={"trusted_networks": ()}) as (harness, edge):
        for headers in (
            {},
            {"authorization": ""},
            {"authorization": "Basic YTpi"},
            {"authorization": "Bearer"},
        ):
            for target, body in (
                (HELD, ""),
                SIGN_V1,
                (f"/v1/exchanges/wechat/{APPID}", '{"kind":"mini","code":"x"}'),
            ):
                answer = await ask(edge, target, body, **headers)
                assert (answer.status, answer.json["error"]) == (401, "missing_key")
                assert answer.headers["www-authenticate"] == 'Bearer realm="lingpai"'
        await harness.add_caller("gone")
        await harness.keeper.store.revoke_caller("gone")
        for key in ("lpk_nobody", "nonsense", "lpk_gone_0123456789abcdef"):
            answer = await ask(edge, HELD, authorization=f"Bearer {key}")
            assert (answer.status, answer.json["error"]) == (401, "wrong_key")
            assert answer.headers["www-authenticate"] == 'Bearer realm="lingpai", error="invalid_token"'
        assert (await ask(edge, f"{HELD}?secret=lpk_nobody")).status == 401
        # A good key that may not is another matter.
        narrow = await harness.add_caller("narrow", rights=("clear",))
        assert (await ask(edge, HELD, authorization=f"Bearer {narrow}")).status == 403
        # The routes of the original and of the platforms keep their own form.
        seed = await ask(edge, GET_XCX, authorization="Bearer lpk_nobody")
        assert (seed.status, seed.json["code"], "www-authenticate" in seed.headers) == (200, 403, False)


async def test_the_log_says_who_was_refused(tmp_path: Path) -> None:
    proxied = {"edge": PROXY, "keeper": {"trusted_networks": ()}}
    async with opened(tmp_path, **proxied) as (harness, edge):
        with structlog.testing.capture_logs() as lines:
            await ask(edge, HELD, authorization="Bearer lpk_nobody", x_forwarded_for="203.0.113.9")
            await ask(edge, HELD, x_forwarded_for="203.0.113.9")
            await ask(edge, f"{XCX}?appid=a-misplaced-secret", x_forwarded_for="unknown")
            await ask(edge, *REPORT, authorization="Bearer lpk_nobody", x_forwarded_for="203.0.113.9")
    answer = [line for line in lines if line["event"] == "request"]
    fingerprint = harness.keeper.digest_caller_key("lpk_nobody").hex()[:8]
    app = f"wechat/{APPID}"
    assert [(line.get("address"), line["app"], line.get("key_fingerprint")) for line in answer] == [
        ("203.0.113.9", app, fingerprint),
        ("203.0.113.9", app, None),
        ("unknown", "wechat/unknown", None),
        ("203.0.113.9", "", fingerprint),
    ]
    assert "lpk_nobody" not in str(answer)
    assert "misplaced" not in str(answer)
