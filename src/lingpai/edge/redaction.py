"""Taking secrets out of text that is not ours: messages of libraries and of their exceptions (threat G71).

Field names decide in our own log lines (see `logs`); here only patterns can, so they lean towards hiding too much.
"""

import re
import traceback

MASK = "[redacted]"
_NAMES = "secret|token|ticket|passw|pwd|code|key|sign|session|cookie|authorization|verifier|assertion|nonce|credential"
_RUN = 20  # characters; shorter than any handle, key or digest of ours and of the platforms
_LONG_RUN = 40
_LONGEST_NAME = 60

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"://[^/@\s]+@"), f"://{MASK}@"),
    (re.compile(r"\?[^\s\"'<>?=]*=[^\s\"'<>]*"), f"?{MASK}"),
    (re.compile(r"\b(bearer|basic)\s+[^\s\"',]+", re.IGNORECASE), rf"\1 {MASK}"),
    # A short number is an error code or a count, not a secret.
    (
        re.compile(
            rf"\b(\w*(?:{_NAMES})\w*)(?<![a-z]Error)([\"']?\s*[:=]\s*b?[\"']?)(?!\d{{1,5}}\b|\[redacted)[^\s\"',;&}})]+",
            re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
)
_WORD = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_+-]{{{_RUN - 1},}}={{0,2}}")
_EXCEPTION_TYPE = re.compile(r"[\s|+-]*[\w.]+")


_ERROR_NAME = re.compile(r"(?:[A-Z]{2,5}|[A-Z][a-z]{1,15}){1,8}(?:Error|Exception|Warning)")


def _mask_run(match: re.Match[str]) -> str:
    run = match[0]
    if len(run) < _LONGEST_NAME and _ERROR_NAME.fullmatch(run):
        return run  # the class of an exception, without which nobody knows what happened
    # Names of functions and loggers are long too, but they are in one case and have no digits.
    plain = len(run) < _LONG_RUN and not any(map(str.isdigit, run)) and (run.islower() or run.isupper())
    return run if plain else MASK


def scrub(text: str) -> str:
    """`text` without query strings, credentials, values of telling names, and long runs of letters and digits."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _WORD.sub(_mask_run, text)


def _scrub_chunk(chunk: str) -> str:
    if chunk.lstrip(" |").startswith('File "'):
        return chunk  # a frame: file, line, function and source, never a value
    kind = _EXCEPTION_TYPE.match(chunk)
    head = kind.end() if kind and chunk[kind.end() :].startswith((":", "\n")) else 0
    return chunk[:head] + scrub(chunk[head:])


def scrubbed_traceback(error: BaseException) -> str:
    """The traceback of `error` and its causes: code in full, messages scrubbed, no values of variables."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=False).format()
    return "".join(map(_scrub_chunk, lines)).rstrip("\n")
