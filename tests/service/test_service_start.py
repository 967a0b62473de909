"""The service as a whole: its first page, what it tells of itself, and that its parts do not hide each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.stack import Stack, running_stack
from tests.service.asking import Answer, ask


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("service") / "data") as running:
        yield running


def page(stack: Stack, path: str = "/", **headers: str) -> Answer:
    return ask(stack.url + path, {"accept": "text/html,*/*;q=0.8", **headers})


def test_a_browser_gets_the_start_page_and_a_program_the_sign_of_life(stack: Stack) -> None:
    shown = page(stack)
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    answer = ask(stack.url + "/")
    assert answer.json["code"] == 0
    assert set(answer.json["data"]) == {"tips", "version"}
    assert answer.json["trace_id"] == answer.headers["trace-id"]


@pytest.mark.parametrize(
    ("path", "accept_language", "title"),
    [
        ("/", "zh-CN,zh;q=0.9", "从这里开始"),
        ("/", "en-GB", "Look around"),
        ("/", "", "Look around"),
        ("/?lang=zh", "en", "从这里开始"),
        ("/?lang=xx", "zh", "从这里开始"),
    ],
)
def test_the_start_page_speaks_the_readers_language(
    stack: Stack, path: str, accept_language: str, title: str
) -> None:
    assert title in page(stack, path, **{"accept-language": accept_language}).text


def test_every_link_of_the_start_page_answers(stack: Stack) -> None:
    for path in ("/docs", "/openapi.json", "/health/live"):
        assert f'href="{path}"' in page(stack).text or path == "/health/live"
        assert ask(stack.url + path).status == 200


@pytest.mark.parametrize(
    ("path", "status", "mark"),
    [
        ("/nothing", 404, '{"code":404,"msg":'),
        ("/cgi-bin/nothing", 404, '{"errcode":'),
        ("/sns/nothing", 404, '{"errcode":'),
        ("/v1/nothing", 404, '{"error":"not_found"'),
        ("/OAuth2/nothing", 200, '{"status":"'),
        ("/v1/oauth2/nothing", 404, '{"error":"invalid_request"'),
    ],
)
def test_what_no_route_has_is_answered_in_its_neighbours_shape(
    stack: Stack, path: str, status: int, mark: str
) -> None:
    answer = ask(stack.url + path)
    assert answer.status == status
    assert answer.text.startswith(mark)


def test_the_key_ring_and_the_data_are_private(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = [each for each in tmp_path_factory.getbasetemp().glob("service*/data") if each.is_dir()]
    assert folders
    for path in (each for folder in folders for each in Path(folder).rglob("*") if each.is_file()):
        if not path.name.startswith("sandbox"):
            assert path.stat().st_mode & 0o077 == 0, path
