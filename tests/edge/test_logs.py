"""Logs hold no secret, by construction (G71)."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from lingpai.edge.logs import allow, configure_logging, fingerprint
from lingpai.edge.redaction import scrub
from tests.edge.running_edge import app_of, running

SECRET = "5d41402abc4b2a76b9719d911017c592"
TOKEN = "q1W2-e3R4_t5Y6u7I8o9P0aSdFgHjKlZxCvBnM"


@contextlib.contextmanager
def logging_to(out: io.StringIO, level: str, *, json_lines: bool | None = None) -> Iterator[None]:
    """As the service logs, for as long as a test lasts."""
    root, kept = logging.getLogger(), structlog.get_config()
    handlers, before, raising = root.handlers[:], root.level, logging.raiseExceptions
    logging.captureWarnings(capture=False)
    configure_logging(level, stream=out, json_lines=json_lines)
    structlog.configure(cache_logger_on_first_use=False)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        logging.raiseExceptions = raising
        root.handlers[:] = handlers
        root.setLevel(before)
        structlog.configure(**kept)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    out = io.StringIO()
    with logging_to(out, "debug", json_lines=True):
        yield out


def read(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.threat("G71")
def test_only_declared_fields_appear(lines: io.StringIO) -> None:
    log = structlog.get_logger("test")
    log.info(
        "request", route="/x", status=200, secret=SECRET, number=123456, nested={"token": TOKEN}, flag=True
    )
    (line,) = read(lines)
    assert (line["event"], line["route"], line["status"], line["flag"]) == ("request", "/x", 200, True)
    assert line["secret"] == fingerprint(SECRET)
    assert line["number"].startswith("[redacted ")
    assert SECRET not in lines.getvalue()
    assert TOKEN not in lines.getvalue()
    assert "123456" not in lines.getvalue()


@pytest.mark.threat("G71")
def test_a_field_can_be_declared(lines: io.StringIO) -> None:
    allow("test_only_field")
    structlog.get_logger("test").info("x", test_only_field="shown")
    assert read(lines)[0]["test_only_field"] == "shown"


def test_fingerprints_distinguish_values_and_reveal_nothing() -> None:
    assert fingerprint(SECRET) == fingerprint(SECRET.encode()) != fingerprint(TOKEN)
    assert len(fingerprint(SECRET * 9)) == len("[redacted 01234567]")


@pytest.mark.parametrize(
    "text",
    [
        f"GET https://api.example.com/token?appid=1&secret={SECRET}",
        f"GET /cgi-bin/token?secret={SECRET} failed",
        f"https://user:{SECRET}@host/path",
        f"{{'access_token': '{SECRET[:9]}'}}",
        f'{{"client_secret":"{SECRET[:9]}"}}',
        f"code={SECRET[:9]}, state",
        f"Authorization: Bearer {SECRET[:9]}",
        f"Cookie: sid={SECRET[:9]}",
        f"bad token {TOKEN}",
        f"bad value {SECRET.upper()!r}",
        f"password={SECRET[:9]}&x=1",
    ],
)
@pytest.mark.threat("G71")
def test_scrubbing_takes_secrets_out(text: str) -> None:
    assert SECRET[:9].lower() not in scrub(text).lower()
    assert TOKEN not in scrub(text)
    assert "[redacted]" in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "Cannot connect to host api.example.com:443 ssl:default",
        "errcode: 40001",
        "exit code=1",
        "connection_lost_without_a_reason after 12 attempts",
        "File not found: /etc/lingpai/settings.toml",
        "TooManyConnectionsError: too many connections",
        "InvalidAuthorizationSpecificationError: role is not there",
        "ConnectionDoesNotExistError: connection was closed",
        "IdleInTransactionSessionTimeoutError",
    ],
)
def test_scrubbing_leaves_sense(text: str) -> None:
    assert scrub(text) == text


def _raise(secret: str) -> None:
    raise KeyError(secret)


def _raise_group(secret: str) -> None:
    try:
        _raise(secret)
    except KeyError as cause:
        raise ExceptionGroup(f"token={TOKEN}", [ValueError(f"at https://h/p?x={secret}")]) from cause


@pytest.mark.threat("G71")
def test_tracebacks_show_code_and_no_values(lines: io.StringIO) -> None:
    for log in (structlog.get_logger("test"), logging.getLogger("lib")):
        try:
            _raise_group(SECRET)
        except ExceptionGroup:
            log.exception("crash")
    for line in read(lines):
        assert line["level"] == "error"
        assert "raise KeyError(secret)" in line["exception"]
        assert "in _raise" in line["exception"]
        assert "KeyError: '[redacted]'" in line["exception"]
    assert SECRET not in lines.getvalue()
    assert TOKEN not in lines.getvalue()


@pytest.mark.threat("G71")
def test_libraries_go_through_the_same_chain(lines: io.StringIO) -> None:
    logging.getLogger("aiohttp.client").warning(
        "GET %s gave %r", f"https://h/p?secret={SECRET}", {"token": TOKEN}
    )
    logging.getLogger("broken").info("%d", TOKEN)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"do not use key={SECRET}", stacklevel=1)
    logging.getLogger("uvicorn.access").error('"GET /x?code=%s"', SECRET)
    assert [line["logger"] for line in read(lines)] == ["aiohttp.client", "py.warnings"]
    assert SECRET not in lines.getvalue()
    assert TOKEN not in lines.getvalue()


@pytest.mark.threat("G71")
async def test_one_line_a_request(lines: io.StringIO) -> None:
    async with running(app_of()) as edge:
        await edge.get(f"/item?app={SECRET}&code={TOKEN}")
        await edge.get(f"/item?app={SECRET}&count=1")
        await edge.get(f"/items/{TOKEN}?id={SECRET}")
        await edge.get(f"/no/{SECRET}?x={TOKEN}")
        trace = (await edge.get(f"/crash?x={SECRET}", ("authorization", f"Bearer {TOKEN}"))).headers[
            "trace-id"
        ]
        await edge.get("/refuse")
    requests = [line for line in read(lines) if line["event"] == "request"]
    assert [(line["route"], line["status"], line["error"]) for line in requests] == [
        ("/item", 400, "missing_parameter"),
        ("/items/{id}", 400, "repeated_parameter"),
        ("unrouted", 404, "not_found"),
        ("/crash", 500, "internal"),
        ("/refuse", 429, "too_many_requests"),
    ]
    assert requests[-1]["detail"] == "secret=[redacted]"
    crash = next(line for line in read(lines) if line["event"] == "crash")
    assert crash["trace_id"] == trace == requests[3]["trace_id"]
    assert "KeyError" in crash["exception"]
    assert SECRET not in lines.getvalue()
    assert TOKEN not in lines.getvalue()


def test_a_terminal_gets_text() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with logging_to(out, "info"):
        structlog.get_logger("test").info("hello", secret=SECRET)
        structlog.get_logger("test").debug("quiet")
    assert "\x1b[" in out.getvalue()
    assert "hello" in out.getvalue()
    assert "quiet" not in out.getvalue()
    assert SECRET not in out.getvalue()
