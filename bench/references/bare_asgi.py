"""The least that an ASGI server can be asked to do: constant bytes, chosen by path."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bench.answers import BY_PATH, CONTENT_TYPE

Message = MutableMapping[str, Any]

_ANSWERS: dict[str, tuple[Message, Message]] = {
    path: (
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", CONTENT_TYPE.encode()),
                (b"content-length", str(len(answer)).encode()),
            ],
        },
        {"type": "http.response.body", "body": answer},
    )
    for path, answer in BY_PATH.items()
}


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],  # noqa: ARG001 - ASGI's signature
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Send the bytes that belong to the path."""
    start, body = _ANSWERS[scope["path"]]
    await send(start)
    await send(body)
