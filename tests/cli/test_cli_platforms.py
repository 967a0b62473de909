"""Platforms that have no address of their own: yzb and yilianyun."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.messages.problems import explain
from tests.cli.conftest import Answer, Cli

YZB = ("account", "add", "yzb", "100001", "--secret-stdin")
OPEN = ("account", "add", "yilianyun", "client-001", "--mode", "open", "--secret-stdin")


@pytest.fixture
def nowhere() -> Iterator[dict[str, str]]:
    """Settings by which both are at a port where nobody listens, and nobody will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        yield {"LINGPAI_YZB__BASE_URL": url, "LINGPAI_YILIANYUN__BASE_URL": url}


def found(answer: Answer, subject: str) -> dict[str, dict[str, Any]]:
    return {
        each["check"]: each for each in json.loads(answer.stdout)["findings"] if each["subject"] == subject
    }


@pytest.mark.parametrize("name", ["yzb", "yilianyun"])
def test_an_account_needs_the_platforms_address(cli: Cli, nowhere: dict[str, str], name: str) -> None:
    add = ("account", "add", name, "100001", "--secret-stdin")
    refused = cli(*add, given="s")
    assert refused.code == 2
    assert f"{name}.base_url" in refused.stderr
    assert f"LINGPAI_{name.upper()}__BASE_URL" in refused.stderr
    assert cli(*add, given="s", env=nowhere).json["outcome"] == "added"


def test_modes_are_the_platforms(cli: Cli, nowhere: dict[str, str]) -> None:
    refused = cli("account", "add", "yilianyun", "c", "--mode", "stable", given="s", env=nowhere)
    assert "known modes: self_owned, open" in refused.stderr
    assert cli(*OPEN, given="s", env=nowhere).json["outcome"] == "added"
    assert cli("account", "list").json[0]["mode"] == "open"


def test_doctor_says_what_to_set(cli: Cli, nowhere: dict[str, str]) -> None:
    cli(*YZB, given="s", env=nowhere)
    checked = found(cli("doctor"), "yzb")["upstream"]
    assert checked["verdict"] == "fail"
    assert "LINGPAI_YZB__BASE_URL" in checked["remedy"]
    answer = found(cli("doctor"), "yzb/100001")["account"]
    assert "LINGPAI_YZB__BASE_URL" in answer["remedy"]


def test_doctor_asks_for_no_address_of_what_is_not_used(cli: Cli) -> None:
    said = cli("doctor").stdout + cli("doctor").stderr
    assert "BASE_URL" not in said


def test_doctor_expects_no_token_of_an_open_app(cli: Cli, nowhere: dict[str, str]) -> None:
    cli(*OPEN, given="s", env=nowhere)
    assert found(cli("doctor", env=nowhere), "yilianyun/client-001")["account"]["verdict"] == "ok"


def test_terminals_are_asked_for_by_their_kind(cli: Cli, nowhere: dict[str, str]) -> None:
    cli(*OPEN, given="s", env=nowhere)
    unknown = cli("token", "get", "client-001", "--kind", "terminal:4004504002", env=nowhere)
    assert unknown.code == 1
    assert "authorised" in unknown.stderr
    wrong = cli("token", "get", "client-001", "--kind", "js_ticket", env=nowhere)
    assert wrong.code == 2
    assert "terminal:<number>" in wrong.stderr


def test_a_service_without_the_address_does_not_start(cli: Cli, nowhere: dict[str, str]) -> None:
    cli(*YZB, given="s", env=nowhere)
    refused = cli.process("serve", "--port", "0")
    assert refused.code == 1
    assert "LINGPAI_YZB__BASE_URL" in refused.stderr


@pytest.mark.parametrize("cause", ["InvalidPasswordError", "InvalidCatalogNameError"])
def test_a_database_that_refuses_the_password_is_not_tried_again_later(cause: str) -> None:
    error = LingpaiError(Kind.STORE_UNAVAILABLE, "… try again later.", detail=f"{cause}: no such thing")
    said = explain(error)
    assert said is not None
    assert "try again" not in said
    assert "`store`" in said
    assert cause in said
