"""The effect of a fault on a call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from lingpai.core import wire
from lingpai.edge.endpoint import Line
from lingpai.sandbox import lines
from lingpai.sandbox.dispatch import JSON, Reply
from lingpai.sandbox.faults import Fault
from lingpai.sandbox.files import File
from lingpai.sandbox.options import Rules
from lingpai.sandbox.world import Call, Others

_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_BUSY: Final = '{"errcode":-1,"errmsg":"系统繁忙，此时请开发者稍候再试"}'
_HUGE_HEAD: Final = b'{"access_token":"'
_HUGE_TAIL: Final = b'","expires_in":7200}'
_UNHEARD: Final = wire.Reply(b"", headers=())
"""For a connection that is no more."""


class Meeting:
    """One call, the fault it meets, and the answer it would have got."""

    def __init__(
        self, line: Line, call: Call, rules: Rules, act: Callable[[], Reply], others: Others | None = None
    ) -> None:
        self.line = line
        self.call = call
        self.rules = rules
        self.act = act
        self.others = others
        self.reply: Reply | None = None


def sent(reply: Reply) -> wire.Reply:
    """A platform's answer as it goes on the wire: HTTP 200, errors included."""
    answer = reply.answer
    if isinstance(answer, File):
        shown = f'attachment; filename="{answer.shown_name}"'
        return wire.Reply(answer.content, 200, answer.content_type, (("content-disposition", shown),))
    return wire.Reply(msgspec.json.encode(answer), 200, reply.content_type, ())


async def _timeout(at: Meeting, _number: float) -> wire.Reply:
    await lines.gone(at.line, at.rules.hang_limit)
    await lines.reset(at.line)
    return _UNHEARD


async def _drop(at: Meeting, _number: float) -> wire.Reply:
    lines.drop(at.line)
    return _UNHEARD


async def _reset(at: Meeting, _number: float) -> wire.Reply:
    await lines.reset(at.line)
    return _UNHEARD


async def _http500(_at: Meeting, _number: float) -> wire.Reply:
    return wire.Reply(b"Internal Server Error", 500, "text/plain; charset=utf-8", ())


async def _html(_at: Meeting, _number: float) -> wire.Reply:
    return wire.Reply(_HTML.encode(), 200, "text/html; charset=utf-8", ())


async def _gbk(_at: Meeting, _number: float) -> wire.Reply:
    return wire.Reply(_BUSY.encode("gbk"), 200, JSON, ())


async def _empty(_at: Meeting, _number: float) -> wire.Reply:
    return wire.Reply(b"", 200, JSON, ())


async def _errcode(at: Meeting, number: float) -> wire.Reply:
    theirs = None if at.others is None else at.others.refused(at.call.path, int(number))
    return sent(Reply(theirs or {"errcode": int(number), "errmsg": "fault of the sandbox"}))


async def _slow(at: Meeting, number: float) -> wire.Reply:
    await asyncio.sleep(max(0.0, number))
    return sent(at.reply or at.act())


async def _no_expires_in(at: Meeting, _number: float) -> wire.Reply:
    reply = at.reply or at.act()
    if isinstance(reply.answer, File):
        return sent(reply)
    return sent(Reply({k: v for k, v in reply.answer.items() if k != "expires_in"}, reply.content_type))


async def _huge(at: Meeting, _number: float) -> wire.Reply:
    filler = b"a" * (at.rules.huge_bytes - len(_HUGE_HEAD) - len(_HUGE_TAIL))
    return wire.Reply(_HUGE_HEAD + filler + _HUGE_TAIL, 200, JSON, ())


async def _redirect(at: Meeting, _number: float) -> wire.Reply:
    location = f"http://{at.call.headers.get('host', '')}/redirected"
    return wire.Reply(b"", 302, JSON, (("location", location),))


_FAULTS: Final[dict[str, Callable[[Meeting, float], Awaitable[wire.Reply]]]] = {
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


async def meet(fault: Fault, at: Meeting) -> wire.Reply:
    """Let ``fault`` happen to a call; with ``after`` the call takes effect first and its answer is lost."""
    if fault.after:
        at.reply = at.act()
    return await _FAULTS[fault.kind](at, fault.number or 0.0)
