"""A short way out for finished replies: what ASGI says in two messages, uvicorn's cycle is told in one write.

uvicorn looks through every header of every answer by two regular expressions and writes head and body apart;
our headers are checked where they are made (`replying`), most of them once at the start. Whatever is not the
plain case, another server among them, takes the ordinary way; the tests run both.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle


def write_directly(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
    """Write a whole answer at once; False, with nothing written, when the ordinary way has to be taken.

    Args:
        send: the ASGI callable; only uvicorn's own, on a connection that stays open, will do.
        status: of a reply that has a body.
        headers: all of them, with the body's length.
        body: the whole of it.
    """
    cycle = getattr(send, "__self__", None)
    if (
        type(cycle) is not RequestResponseCycle
        or not cycle.keep_alive
        or cycle.disconnected
        or cycle.response_started
        or cycle.flow.write_paused
        or cycle.scope["method"] == "HEAD"
    ):
        return False
    lines = [STATUS_LINE[status]]
    for name, value in (*cycle.default_headers, *headers):
        if name == b"connection":
            return False
        lines += (name, b": ", value, b"\r\n")
    lines += (b"\r\n", body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join(lines))
    cycle.message_event.set()
    cycle.on_response()
    return True
