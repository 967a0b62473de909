"""The common part of all controls: JSON in and out, and a 400 that says what to do."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from lingpai.core.wire import Reply
from lingpai.sandbox.world import Call, World

_T = TypeVar("_T")
_JSON: Final = "application/json"


class ControlError(Exception):
    """A control cannot be used so.

    Args:
        status: the HTTP status.
        title: what went wrong.
        details: what else the answer says, by name.
    """

    def __init__(self, status: int, title: str, **details: Any) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.details = details

    def reply(self) -> Reply:
        """The answer."""
        return send({"title": self.title, **self.details}, self.status)


def wrong(message: str) -> ControlError:
    """The refusal of a control that cannot be used so; ``message`` says what to do."""
    return ControlError(400, "this control cannot be used so", description=message)


def body_of(call: Call, kind: type[_T]) -> _T:
    """The JSON body as a ``kind``.

    Raises:
        ControlError: it is none.
    """
    try:
        return msgspec.json.decode(call.body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(f"send a JSON object: {error}") from None


def send(answer: Any, status: int = 200) -> Reply:
    """An answer in JSON."""
    return Reply(msgspec.json.encode(answer), status, _JSON, ())


class Control:
    """A control of one sandbox. Its methods are named for HTTP's, as ``on_get``."""

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self, call: Call) -> Reply:
        """Answer a call.

        Raises:
            ControlError: it cannot be used so, or not with this method.
        """
        method = "GET" if call.method == "HEAD" else call.method
        handler = getattr(self, f"on_{method.lower()}", None)
        if handler is None:
            allowed = sorted(name[3:].upper() for name in dir(self) if name.startswith("on_"))
            raise ControlError(405, "this control has other methods", methods=allowed)
        reply: Reply = handler(call)
        return reply


Controls = Mapping[str, Control]
"""By path."""
