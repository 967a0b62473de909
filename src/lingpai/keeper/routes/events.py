"""Events as they happen, by server-sent events (WHATWG HTML, "Server-sent events")."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.events import RENEWED, Event
from lingpai.core.records import Caller
from lingpai.core.wire import Call, Reply, Route, Source, StreamedReply, Streams
from lingpai.keeper.access import Ask, authorize, identify
from lingpai.keeper.events import Feed, Happened, happened, may_hear, sort_of
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.routes.shapes import GENERIC

BEAT: Final = 15.0
"""Seconds without an event after which a comment shows that the connection lives."""
RETRY: Final = b"retry: 3000\n\n"
_HEADERS: Final = (("cache-control", "no-store"), ("x-accel-buffering", "no"))
_LONGEST_ID: Final = 18
_encode = msgspec.json.Encoder().encode

After = Annotated[
    int, msgspec.Meta(ge=0, description="id of the last known event, for clients that send no Last-Event-ID")
]
Values = Annotated[
    bool, msgspec.Meta(description="`1` for values of renewed tokens and tickets, for who may have them")
]


class Listening(msgspec.Struct):
    """From which event on to listen; from now on when nothing is said."""

    after: After | None = None
    values: Values = False


DETAILS = (
    "Needs a caller key; sends the events of its apps, by its rights. Types: `token.renewed`, `token.dead`, "
    "`ticket.renewed`, `ticket.dead`, `account.trouble`, `account.well`, `budget.low`. After a break send the last "
    "`id` back as `Last-Event-ID`; events are kept for seven days, and `gap` says that some are gone. The stream ends "
    "when the key is revoked."
)


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the route of events."""
    feed = Feed(keeper)

    async def listen(params: Listening, call: Call) -> StreamedReply:
        await _caller_of(keeper, call)
        known = _last_id(call)
        stream = _Stream(keeper, feed, call, params, params.after if known is None else known)
        return StreamedReply(b"", 200, "text/event-stream; charset=utf-8", _HEADERS, chunks=stream)

    return (
        Route(
            ("GET",), "/v1/events", Listening, Source.QUERY, listen, GENERIC,
            "Listen to what happens to accounts", Reply, "Generic", details=DETAILS,
            streams=Streams(body_limit=0, stall=BEAT),
        ),
    )  # fmt: skip


async def _caller_of(keeper: Keeper, call: Call) -> Caller:
    caller = await identify(keeper, call, "token")
    if caller is None:
        raise LingpaiError(Kind.MISSING_KEY, "Send a caller key as `Authorization: Bearer …`.")
    call.caller = caller.name
    return caller


def _last_id(call: Call) -> int | None:
    given = call.header("last-event-id")
    return int(given) if given and given.isascii() and given.isdigit() and len(given) <= _LONGEST_ID else None


class _Stream:
    """The answer to one listener; see `core.wire.ByteStream`."""

    def __init__(self, keeper: Keeper, feed: Feed, call: Call, params: Listening, after: int | None) -> None:
        self._keeper = keeper
        self._feed = feed
        self._call = call
        self._values = params.values
        self._after = after
        self._running: AsyncGenerator[bytes, None] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the pieces, once."""
        self._running = self._pieces()
        return self._running

    async def aclose(self) -> None:
        """The listener has gone."""
        if self._running is not None:
            await self._running.aclose()

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        with self._feed.listening():
            async with contextlib.aclosing(self._heard()) as pieces:
                async for piece in pieces:
                    yield piece

    async def _heard(self) -> AsyncGenerator[bytes, None]:
        keeper, clock = self._keeper, self._keeper.clock
        oldest, newest = await keeper.store.event_range()
        at = newest if self._after is None else self._after
        yield RETRY
        if at > newest or at + 1 < oldest:
            lost, at = at, (newest if at > newest else oldest - 1)
            yield _piece(at, "gap", {"type": "gap", "data": {"after": lost, "oldest": at + 1}})
        else:
            yield b"id: %d\n\n" % at
        beat = clock.steady() + BEAT
        while True:
            turn = self._feed.turn
            try:
                caller = await _caller_of(keeper, self._call)
            except LingpaiError as error:
                if error.kind is Kind.STORE_UNAVAILABLE:
                    raise
                return
            events = await self._feed.after(at)
            for event in events:
                at = event.id
                platform = keeper.platforms.get(event.platform)
                if may_hear(caller, platform, event):
                    message = await self._message(event)
                    beat = clock.steady() + BEAT
                    yield _piece(at, message.type, message)
            if events:
                continue
            async with keeper.waits.until_the_end():
                await self._feed.wait(turn, max(0.0, beat - clock.steady()))
            if keeper.waits.over:
                return
            if clock.steady() >= beat:
                beat = clock.steady() + BEAT
                yield b": %d\n\n" % at

    async def _message(self, event: Event) -> Happened:
        keeper, platform = self._keeper, self._keeper.platforms.get(event.platform)
        message = happened(platform, event)
        if not self._values or platform is None or event.type != RENEWED:
            return message
        sort = sort_of(platform, event)
        with contextlib.suppress(LingpaiError):
            ask = Ask(platform, event.account, None, sort, event.label)
            app = await authorize(keeper, self._call, ask)
            credential = await keeper.store.read_credential(app.key(event.kind))
            if (
                credential is not None
                and credential.version == event.version
                and credential.current is not None
            ):
                current = current_of(credential)
                value = (
                    keeper.phantoms.made_for(app, event.kind, current) if sort == "token" else current.value
                )
                rest = int(current.end.remaining(keeper.clock))
                keeper.audit.count(app.asker, app.logged_name, sort)
                return msgspec.structs.replace(
                    message, data={**message.data, "value": value, "expires_in": rest}
                )
        return message


def _piece(number: int, name: str, message: Any) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, name.encode(), _encode(message))
