"""Bodies, tags and Accept as real clients send them, at the routes of the keeper; raw requests on real sockets."""

from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.sandbox import SAMPLE_APP
from lingpai.service import open_service
from tests.edge.running_edge import Edge, request, running
from tests.keeper.harness import HELD, settings_of, staged, upstream_of

APPID = SAMPLE_APP.appid
LABELS = [
    *("application/x-www-form-urlencoded", "text/plain", None, "application/json; charset=ISO-8859-1"),
    *("application/octet-stream", "application/x-www-form-urlencoded; charset=ISO-8859-1"),
]
JSON_ROUTES = {
    "/JsSDK/getJsApiSign": f'{{"wx_app_id":"{APPID}","url":"https://shop.example/"}}',
    f"/v1/signatures/wechat/{APPID}": '{"url":"https://shop.example/"}',
    "/keeper/report": '{"access_token":"nonsense"}',
    "/cgi-bin/stable_token": f'{{"grant_type":"client_credential","appid":"{APPID}","secret":"{SAMPLE_APP.secret}"}}',
    "/AccessToken/clearXcx": f'{{"appid":"{APPID}"}}',
    "/AccessToken/getXcx": f'{{"appid":"{APPID}"}}',
}
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


def failed(body: dict[str, object]) -> bool:
    return bool(body.get("code") or body.get("errcode") or body.get("error"))


@pytest.mark.parametrize("label", LABELS)
async def test_json_is_read_whatever_its_label(tmp_path: Path, label: str | None) -> None:
    async with staged(tmp_path) as harness, running(harness.app) as edge:
        await harness.add_app()
        for path, body in JSON_ROUTES.items():
            for sent in (body.encode(), b"\xef\xbb\xbf" + body.encode()):
                answer = await edge.ask("POST", path, sent, label)
                assert answer.status == 200, path
                assert not failed(answer.json), path


async def test_the_query_counts_with_any_body(tmp_path: Path) -> None:
    async with staged(tmp_path) as harness, running(harness.app) as edge:
        await harness.add_app()
        target = f"/JsSDK/getJsApiSign?wx_app_id={APPID}"
        for label in ("application/json", *LABELS):
            answer = await edge.ask("POST", target, b'{"url":"https://shop.example/"}', label)
            assert answer.json["code"] == 0, label


async def test_tags_are_known_as_proxies_rewrite_them(tmp_path: Path) -> None:
    async with staged(tmp_path) as harness, running(harness.app) as edge:
        await harness.add_app()
        tag = (await edge.get(HELD)).headers["etag"]
        bare = tag.strip('"')
        for value in (tag, f'"{bare}-gzip"', f'W/"{bare}-gzip"', f'"0-0", W/{tag}', "*"):
            answer = await edge.get(HELD, ("if-none-match", value))
            assert (answer.status, answer.headers["etag"], answer.body) == (304, tag, b"")
        assert (await edge.get(HELD, ("if-none-match", '"0-0"'))).status == 200


async def accepted(edge: Edge, accept: str) -> str:
    return (await edge.get("/", ("accept", accept))).headers["content-type"]


async def test_the_start_page_is_for_browsers_alone(tmp_path: Path) -> None:
    clock = VirtualClock()
    with upstream_of(clock) as url:
        async with open_service(settings_of(tmp_path / "data", url), clock) as app, running(app) as edge:
            for accept in (JAVA, "*/*", "application/json", "application/json, text/html;q=0.9"):
                assert await accepted(edge, accept) == "application/json; charset=utf-8"
            browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
            assert await accepted(edge, browser) == "text/html; charset=utf-8"
            tag = (await edge.get("/openapi.json")).headers["etag"]
            assert (await edge.get("/openapi.json", ("if-none-match", f'W/{tag[:-1]}-gzip"'))).status == 304
            answer = await edge.raw(request("POST", "//oauth/oauth"))
            assert answer.json["error"] == "34"
            assert (await edge.get("//AccessToken/getXcx")).json["code"] == 404
            assert (await edge.get("//cgi-bin/token")).json["errcode"] == 40066
            assert (await edge.get("/cgi-bin/token/")).json["errcode"] == 40066
