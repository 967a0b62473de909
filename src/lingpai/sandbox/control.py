"""What every control shares: JSON in and out, and a 400 that says what to do."""

from typing import Any, Final, TypeVar

import falcon
import falcon.asgi
import msgspec

from lingpai.sandbox.world import World

_T = TypeVar("_T")
_JSON: Final = "application/json"


def wrong(message: str) -> falcon.HTTPBadRequest:
    """The refusal of a control that cannot be used so; ``message`` says what to do."""
    return falcon.HTTPBadRequest(title="this control cannot be used so", description=message)


async def body_of(req: falcon.asgi.Request, kind: type[_T]) -> _T:
    """The JSON body as a ``kind``.

    Raises:
        falcon.HTTPBadRequest: it is none.
    """
    raw = await req.stream.read(2**20)
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wrong(f"send a JSON object: {error}") from None


def send(resp: falcon.asgi.Response, answer: Any) -> None:
    """Answer with JSON."""
    resp.data = msgspec.json.encode(answer)
    resp.content_type = _JSON


class Control:
    """A control of one sandbox."""

    def __init__(self, world: World) -> None:
        self.world = world
