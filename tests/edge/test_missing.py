"""Addresses that nothing has: a page for browsers in their language, data for programs."""

import pytest

from lingpai.edge.app import create_app
from lingpai.edge.missing import missing_page
from tests.edge.running_edge import FALLBACK, ROUTES, running

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("languages", "lang", "words"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans", "此地址没有内容"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en", "There is nothing"),
        ("fr", "en", "nothing"),
    ],
)
async def test_a_browser_gets_a_page_in_its_language(languages: str, lang: str, words: str) -> None:
    async with running(create_app(ROUTES, FALLBACK, page=missing_page)) as edge, edge.wire() as wire:
        head = f"GET /nothing/here HTTP/1.1\r\nhost: x\r\naccept: {BROWSER}\r\naccept-language: {languages}\r\n\r\n"
        await wire.send(head.encode())
        answer = await wire.answer()
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "style-src 'sha256-" in answer.headers["content-security-policy"]
    text = answer.body.decode()
    assert f'<html lang="{lang}">' in text
    assert words in text
    assert 'href="/"' in text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.5", ""])
async def test_a_program_gets_data(accept: str) -> None:
    async with running(create_app(ROUTES, FALLBACK, page=missing_page)) as edge, edge.wire() as wire:
        await wire.send(f"GET /nothing/here HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\n\r\n".encode())
        answer = await wire.answer()
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (404, "application/json")


async def test_a_path_that_is_there_is_no_page() -> None:
    """Another method is refused so in the shape of the path, also to a browser."""
    async with running(create_app(ROUTES, FALLBACK, page=missing_page)) as edge, edge.wire() as wire:
        await wire.send(f"DELETE /item HTTP/1.1\r\nhost: x\r\naccept: {BROWSER}\r\n\r\n".encode())
        answer = await wire.answer()
    assert (answer.status, "allow" in answer.headers) == (405, True)
