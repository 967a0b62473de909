"""Random requests: valid ones, mutated ones, and bytes that are none; each drawn from a seeded generator."""

import json
import random
from collections.abc import Callable
from urllib.parse import quote_from_bytes

from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP

QUERY_PATHS = (
    "/AccessToken/getXcx",
    "/AccessToken/clearXcx",
    "/AccessToken/getQyapi",
    "/AccessToken/clearQyapi",
    "/xcx/jscode2session",
    "/cgi-bin/token",
    "/cgi-bin/gettoken",
    "/cgi-bin/ticket/getticket",
    "/cgi-bin/get_jsapi_ticket",
    "/sns/oauth2/access_token",
    "/sns/jscode2session",
    f"/v1/tokens/wechat/{SAMPLE_APP.appid}",
    f"/v1/tokens/wecom/{SAMPLE_CORP.corpid}",
    "/index/index",
    "/health/live",
)
LONG_ANSWERS = ("/openapi.json", "/metrics", "/docs")
LONG_SHARE = 0.005
BODY_PATHS = (
    "/AccessToken/getOauthAccessToken",
    "/JsSDK/getJsApiSign",
    "/cgi-bin/stable_token",
    "/v1/sign",
    "/v1/exchange",
    "/v1/report",
)
NAMES = (
    *(
        "appid",
        "secret",
        "corpid",
        "corpsecret",
        "code",
        "js_code",
        "wx_app_id",
        "wx_app_secret",
        "url",
        "kind",
    ),
    *(
        "label",
        "grant_type",
        "access_token",
        "force_refresh",
        "platform",
        "account",
        "type",
        "id",
        "wait",
        "a[]",
    ),
)
VALUES = (
    *(SAMPLE_APP.appid, SAMPLE_APP.secret, SAMPLE_CORP.corpid, SAMPLE_AGENT.secret, "client_credential"),
    *(
        "",
        "0",
        "-1",
        "null",
        "true",
        "1e999",
        "wechat",
        "wecom",
        "jsapi",
        "http://example.com/#x",
        "lpk_nobody",
    ),
    *(
        "' or 1=1 --",
        "{{7*7}}",
        "../../etc/passwd",
        "%00",
        "\r\nset-cookie: a=b",
        "令牌",
        "\ud83d",
        "a" * 600,
    ),
)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND")
CONTENT_TYPES = (
    *(
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
    ),
    *("application/json; charset=gbk", "", "a/b/c", "application/json, text/html"),
)
MEAN = 0.3
"""Share of requests in which something is spoilt."""


def _bytes(draw: random.Random, most: int = 24) -> bytes:
    return draw.randbytes(draw.randrange(most))


def _value(draw: random.Random) -> bytes:
    if draw.random() < MEAN:
        return _bytes(draw)
    return draw.choice(VALUES).encode("utf-8", "surrogatepass")


def _name(draw: random.Random) -> bytes:
    return _bytes(draw, 8) if draw.random() < MEAN / 3 else draw.choice(NAMES).encode()


def _form(draw: random.Random) -> bytes:
    pairs = [(_name(draw), _value(draw)) for _ in range(draw.randrange(5))]
    return b"&".join(
        quote_from_bytes(name).encode() + b"=" + quote_from_bytes(value).encode() for name, value in pairs
    )


def _json(draw: random.Random) -> bytes:
    plain: dict[str, object] = {draw.choice(NAMES): draw.choice(VALUES) for _ in range(draw.randrange(5))}
    if draw.random() < MEAN:
        plain[draw.choice(NAMES)] = draw.choice((None, 1, 1.5, True, [], {}, [[[]]], {"a": {"b": 1}}, 10**30))
    encoded = json.dumps(plain).encode()
    if draw.random() < MEAN:
        cut = draw.randrange(len(encoded) + 1)
        encoded = encoded[:cut] + _bytes(draw) + encoded[cut + draw.randrange(3) :]
    return encoded


def _path(draw: random.Random) -> bytes:
    path = draw.choice(LONG_ANSWERS if draw.random() < LONG_SHARE else QUERY_PATHS + BODY_PATHS)
    if draw.random() < MEAN / 2:
        cut = draw.randrange(1, len(path))  # a target without its first slash is no request
        path = path[:cut] + quote_from_bytes(_bytes(draw, 6)) + path[cut:]
    return path.encode()


_BODIES: tuple[Callable[[random.Random], bytes], ...] = (_form, _json, _json, _bytes)


def request(draw: random.Random) -> bytes:
    """One request that is framed as HTTP demands, so that others may follow it; all else of it is random."""
    method = draw.choice(METHODS) if draw.random() < MEAN else draw.choice(("GET", "POST"))
    body = draw.choice(_BODIES)(draw) if method not in ("GET", "HEAD") or draw.random() < MEAN / 3 else b""
    target = _path(draw) + (b"?" + _form(draw) if draw.random() < 1 - MEAN / 2 else b"")
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"host: strength"]
    if body or method != "GET":
        usual = CONTENT_TYPES[0 if body.startswith(b"{") else 1]
        kind = draw.choice(CONTENT_TYPES) if draw.random() < MEAN else usual
        lines += [b"content-type: " + kind.encode(), b"content-length: %d" % len(body)]
    if draw.random() < MEAN / 3:
        lines.append(b"authorization: Bearer " + draw.choice((b"lpk_nobody", b"", b"\xff\xfe", b"a b c")))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def noise(draw: random.Random) -> bytes:
    """Bytes that are no request, or one with a few bytes spoilt."""
    if draw.random() < MEAN:
        return draw.randbytes(draw.randrange(1, 400))
    if draw.random() < MEAN:  # a method that is none ends the connection for those before it, too
        return b"".join(request(draw) for _ in range(3)) + b"BREW / HTTP/1.1\r\n\r\n"
    spoilt = bytearray(request(draw))
    for _ in range(draw.randrange(1, 5)):
        spoilt[draw.randrange(len(spoilt))] = draw.randrange(256)
    return bytes(spoilt)
