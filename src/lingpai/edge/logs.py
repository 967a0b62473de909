"""Logging: one chain for our own lines and for those of libraries, that masks every field that is not declared.

A field appears as it is only when its name was declared with `allow`. All others become a fingerprint that shows
equal values of one process from different ones and nothing else. So a secret in a log line takes two mistakes
instead of one (threat G71).
"""

import hashlib
import logging
import secrets
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

from lingpai.core.logs import structlog
from lingpai.core.outages import outage_lines
from lingpai.edge.redaction import scrub, scrubbed_traceback

_FINGERPRINT_KEY = secrets.token_bytes(32)
_FINGERPRINT_BYTES = 4

# Shown as they are: names, numbers and ids of ours, of which none can be a secret.
_PLAIN = {
    "level", "timestamp", "logger", "trace_id", "server", "route", "method", "status", "ms", "error", "kind",
    "parameter", "caller", "code", "blame", "pid", "worker", "workers", "exit_code", "signal", "urls", "port",
    "address", "seconds", "count", "attempt", "gauge", "dialect", "platform", "version",
}  # fmt: skip
# Shown after scrubbing: prose, ours or a library's.
_SCRUBBED = {"event", "detail", "reason", "exception"}

# uvicorn warns of each malformed request, and its access lines contain queries.
_LIBRARY_LEVELS = {
    "uvicorn.access": logging.CRITICAL,
    "uvicorn.error": logging.ERROR,
    "asyncio": logging.WARNING,
}

EventDict = MutableMapping[str, Any]


def allow(*names: str) -> None:
    """Declare log fields that may appear as they are, because none of their values can be a secret."""
    _PLAIN.update(names)


def fingerprint(value: object) -> str:
    """A mask that is equal for equal values within this process, and keyed, so that nobody can guess back."""
    text = value if isinstance(value, bytes) else str(value).encode(errors="replace")
    digest = hashlib.blake2s(text, digest_size=_FINGERPRINT_BYTES, key=_FINGERPRINT_KEY).hexdigest()
    return f"[redacted {digest}]"


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: see the module's docstring."""
    for name, value in event.items():
        if name in _PLAIN or name.startswith("_") or value is None or isinstance(value, bool):
            continue
        event[name] = scrub(str(value)) if name in _SCRUBBED else fingerprint(value)
    return event


def _exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        # structlog's own formatters would print messages, and the rich one the values of variables.
        event["exception"] = scrubbed_traceback(error)
    return event


def _redact_rest(logger: Any, method: str, event: EventDict) -> EventDict:
    trace = event.pop("exception", None)
    event = redact(logger, method, event)
    if trace is not None:
        event["exception"] = trace
    return event


def configure_logging(
    level: str = "info", *, stream: TextIO | None = None, json_lines: bool | None = None
) -> None:
    """Set up logging for this process: structlog, the standard library's, and warnings, through one chain.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        stream: where lines go; standard error when None.
        json_lines: one JSON object per line, or coloured text; by whether `stream` is a terminal when None.
    """
    out = stream or sys.stderr
    as_json = not out.isatty() if json_lines is None else json_lines
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        formatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                formatter.remove_processors_meta,
                _exception,
                _redact_rest,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name, lowest in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(number, lowest))
    logging.captureWarnings(capture=True)
    outage_lines.forget()
    logging.raiseExceptions = False  # a line that cannot be formatted would print its arguments
    structlog.configure(
        processors=[*shared, outage_lines.process, formatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,
    )
