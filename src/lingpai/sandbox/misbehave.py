"""What a call meets when a fault waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import falcon
import falcon.asgi
import msgspec

from lingpai.sandbox import wire
from lingpai.sandbox.dispatch import JSON, Reply
from lingpai.sandbox.faults import Fault
from lingpai.sandbox.options import Rules

_CHUNK: Final = 64 * 1024
_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_BUSY: Final = '{"errcode":-1,"errmsg":"系统繁忙，此时请开发者稍候再试"}'
_HUGE_HEAD: Final = b'{"access_token":"'
_HUGE_TAIL: Final = b'","expires_in":7200}'


class Meeting:
    """One call, the fault it meets, and the answer it would have got."""

    def __init__(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, rules: Rules, act: Callable[[], Reply]
    ) -> None:
        self.req = req
        self.resp = resp
        self.rules = rules
        self.act = act
        self.reply: Reply | None = None


def send(resp: falcon.asgi.Response, reply: Reply) -> None:
    """Put a platform's answer into the response: HTTP 200, errors included."""
    resp.data = msgspec.json.encode(reply.answer)
    resp.content_type = reply.content_type


async def _timeout(at: Meeting, _number: float) -> None:
    await wire.gone(at.req, at.rules.hang_limit)
    await wire.reset(at.req, at.resp)


async def _drop(at: Meeting, _number: float) -> None:
    wire.drop(at.req, at.resp)


async def _reset(at: Meeting, _number: float) -> None:
    await wire.reset(at.req, at.resp)


async def _http500(at: Meeting, _number: float) -> None:
    at.resp.status = falcon.HTTP_500
    at.resp.content_type = falcon.MEDIA_TEXT
    at.resp.text = "Internal Server Error"


async def _html(at: Meeting, _number: float) -> None:
    at.resp.content_type = falcon.MEDIA_HTML
    at.resp.text = _HTML


async def _gbk(at: Meeting, _number: float) -> None:
    at.resp.content_type = JSON
    at.resp.data = _BUSY.encode("gbk")


async def _empty(at: Meeting, _number: float) -> None:
    at.resp.content_type = JSON
    at.resp.data = b""


async def _errcode(at: Meeting, number: float) -> None:
    send(at.resp, Reply({"errcode": int(number), "errmsg": "fault of the sandbox"}))


async def _slow(at: Meeting, number: float) -> None:
    await asyncio.sleep(max(0.0, number))
    send(at.resp, at.reply or at.act())


async def _no_expires_in(at: Meeting, _number: float) -> None:
    reply = at.reply or at.act()
    send(at.resp, Reply({k: v for k, v in reply.answer.items() if k != "expires_in"}, reply.content_type))


async def _filler(size: int) -> AsyncIterator[bytes]:
    yield _HUGE_HEAD
    left = size - len(_HUGE_HEAD) - len(_HUGE_TAIL)
    while left > 0:
        yield b"a" * min(left, _CHUNK)
        left -= _CHUNK
    yield _HUGE_TAIL


async def _huge(at: Meeting, _number: float) -> None:
    at.resp.content_type = JSON
    at.resp.set_stream(_filler(at.rules.huge_bytes), max(at.rules.huge_bytes, len(_HUGE_HEAD + _HUGE_TAIL)))


async def _redirect(at: Meeting, _number: float) -> None:
    at.resp.status = falcon.HTTP_302
    at.resp.set_header("Location", f"{at.req.prefix}/redirected")


_FAULTS: Final[dict[str, Callable[[Meeting, float], Awaitable[None]]]] = {
    "timeout": _timeout,
    "reset": _reset,
    "drop": _drop,
    "http500": _http500,
    "html": _html,
    "gbk": _gbk,
    "empty": _empty,
    "errcode": _errcode,
    "slow": _slow,
    "no_expires_in": _no_expires_in,
    "huge": _huge,
    "redirect": _redirect,
}


async def meet(fault: Fault, at: Meeting) -> None:
    """Let ``fault`` happen to a call; with ``after`` the call takes effect first and its answer is lost."""
    if fault.after:
        at.reply = at.act()
    await _FAULTS[fault.kind](at, fault.number or 0.0)
