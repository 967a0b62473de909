"""The service on PostgreSQL: what it answers in each dialect while its database is away, and that it comes back."""

import asyncio
import contextlib
import hashlib
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests.clients.stack import Stack, running_stack
from tests.helpers.postgres import make_template
from tests.helpers.postgres_server import Server, start_server
from tests.service.asking import Answer
from tests.store.postgresql.hardship import frozen, run

PATIENCE = 5.0
"""Seconds within which a database has to answer, or is reported to be away."""

Hardship = Callable[[Server], contextlib.AbstractContextManager[None]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start_server() as own:
        asyncio.run(make_template(own))
        asyncio.run(run(own.dsn("postgres"), "CREATE DATABASE lingpai TEMPLATE lingpai_template"))
        yield own


@pytest.fixture(scope="module")
def stack(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data = tmp_path_factory.mktemp("postgres") / "data"
    with running_stack(data, store=server.dsn("lingpai")) as running:
        assert not (data / "lingpai.db").exists()
        yield running


class Question(NamedTuple):
    """What is asked, and how its dialect says that the service cannot answer now."""

    path: str
    form: dict[str, Any] | None
    away: Callable[[Any], bool]


def questions(stack: Stack) -> dict[str, Question]:
    samples, issued = stack.samples, stack.samples.issuer
    now = str(int(time.time()))
    signed = hashlib.md5((issued["own_client_id"] + now + issued["own_secret"]).encode()).hexdigest()
    own = {
        "client_id": issued["own_client_id"],
        "timestamp": now,
        "sign": signed,
        "id": str(uuid.uuid4()),
        "grant_type": "client_credentials",
        "scope": "all",
    }
    server_token = {
        "app_id": issued["yzb_app_id"],
        "secret": issued["yzb_secret"],
        "grant_type": "client_credential",
    }
    exchange = {
        "grant_type": "authorization_code",
        "client_id": issued["mall_client_id"],
        "client_secret": issued["mall_secret"],
        "code": "x",
        "redirect_uri": "https://app.example/",
    }
    held = f"appid={samples.appid}&secret={samples.caller_key}"
    return {
        "seed": Question(f"/AccessToken/getXcx?{held}", None, lambda found: found["code"] == 503),
        "generic": Question(
            f"/v1/tokens/wechat/{samples.appid}", None, lambda found: found["error"] == "store_unavailable"
        ),
        "drop-in": Question(
            f"/cgi-bin/token?grant_type=client_credential&{held}", None, lambda found: found["errcode"] == -1
        ),
        "yzb": Question("/OAuth2/token", server_token, lambda found: found["status"] == "4000"),
        "mall": Question(
            "/v1/oauth2/accessToken", exchange, lambda found: found["error"] == "temporarily_unavailable"
        ),
        "yilianyun": Question("/oauth/oauth", own, lambda found: found["error"] == "45"),
    }


def put(stack: Stack, question: Question) -> Answer:
    data = None if question.form is None else urlencode(question.form).encode()
    request = urllib.request.Request(stack.url + question.path, data)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(response.status, dict(response.headers), response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            headers = {name.lower(): value for name, value in error.headers.items()}
            return Answer(error.code, headers, error.read().decode())


@contextlib.contextmanager
def stopped(server: Server) -> Iterator[None]:
    server.stop()
    yield
    server.start()


@contextlib.contextmanager
def read_only(server: Server) -> Iterator[None]:
    reload = "SELECT pg_reload_conf()"
    turn_on = "ALTER SYSTEM SET default_transaction_read_only = on"
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lingpai'"
    asyncio.run(run(server.dsn("postgres"), turn_on, reload, cut))
    yield
    turn_off = "ALTER SYSTEM RESET default_transaction_read_only"
    asyncio.run(run(server.dsn("postgres"), "SET default_transaction_read_only = off", turn_off, reload))


@pytest.mark.parametrize("hardship", [stopped, frozen, read_only], ids=lambda each: each.__name__)
@pytest.mark.threat("G73")
def test_without_its_database_every_dialect_says_so_and_service_comes_back(
    stack: Stack, server: Server, hardship: Hardship
) -> None:
    held = put(stack, questions(stack)["seed"]).json["data"]["access_token"]
    with hardship(server):
        asked = questions(stack)
        began = time.monotonic()
        with ThreadPoolExecutor(len(asked)) as callers:
            answers = dict(
                zip(asked, callers.map(lambda each: put(stack, each), asked.values()), strict=True)
            )
            live = callers.submit(put, stack, Question("/health/live", None, bool)).result()
            ready = callers.submit(put, stack, Question("/health/ready", None, bool)).result()
        assert time.monotonic() - began < 3 * PATIENCE
    for name, answer in answers.items():
        assert (answer.status, asked[name].away(answer.json)) == (503, True), (name, answer)
        assert int(answer.headers["retry-after"]) >= 1, name
    assert (live.status, ready.status) == (200, 503)
    give_up = time.monotonic() + 15
    while put(stack, questions(stack)["yzb"]).status != 200:
        assert time.monotonic() < give_up, "it did not recover"
    assert put(stack, questions(stack)["seed"]).json["data"]["access_token"] == held
    answers = {name: put(stack, each) for name, each in questions(stack).items()}
    assert {name for name, answer in answers.items() if answer.status == 503} == set()
    assert put(stack, questions(stack)["yilianyun"]).json["error"] == "0"


def test_how_long_connections_are_waited_for_is_measured(stack: Stack) -> None:
    put(stack, questions(stack)["seed"])
    with urllib.request.urlopen(stack.url + "/metrics", timeout=10) as response:
        text = response.read().decode()
    assert "lingpai_store_connection_wait_seconds_count" in text
