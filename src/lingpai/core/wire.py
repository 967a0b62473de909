"""Routes as data: wings declare them, and the edge serves them.

A wing knows no HTTP framework. It declares `Route`s: a method, a path, a struct of parameters, where they may
come from, the verb that answers, and the `Shape` that puts answers and errors on the wire. The edge reads
requests, calls verbs and writes replies; the OpenAPI document is generated from the same declarations.
"""

import dataclasses
import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from lingpai.core.errors import LingpaiError

JSON = "application/json; charset=utf-8"
NO_STORE = ("cache-control", "no-store")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_HEADERS: Mapping[bytes, bytes] = MappingProxyType({})


class Source(enum.Flag):
    """Places that parameters of a route may come from.

    `FORM` is a urlencoded body or a multipart one without files; `URLENCODED` refuses multipart, as standard
    OAuth does; `MISLABELLED` also takes a urlencoded body that calls itself multipart and names no boundary, as
    one client of yzb sends it; `UNLABELLED` reads a JSON object, or with `FORM` a form, whatever it calls
    itself, as WeChat does: curl, PHP and Java call JSON a form, text or nothing unless they are configured.
    With `ONE_PLACE`, a name in two places is an error also when both have the same value.
    With `NO_LISTS`, `a[]=1` and `a[0]=1` are a repeated `a` where `a` is declared, as PHP would read a list; without it
    they are names of their own, and ignored.
    A body that calls itself a form and begins as JSON is JSON wherever both are taken.
    `DOCUMENT` takes a JSON object, or a merge patch (RFC 7396), whole and as it is, `null`s too: as the parameter
    `document`.
    """

    PATH = enum.auto()
    QUERY = enum.auto()
    FORM = enum.auto()
    JSON = enum.auto()
    URLENCODED = enum.auto()
    MISLABELLED = enum.auto()
    UNLABELLED = enum.auto()
    ONE_PLACE = enum.auto()
    NO_LISTS = enum.auto()
    DOCUMENT = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Streams:
    """The limits of a route that reads its requests' bodies as they come.

    Attributes:
        body_limit: bytes of a body; more is BODY_TOO_LARGE.
        stall: seconds that may pass between two pieces of a body; more is REQUEST_TIMEOUT.
    """

    body_limit: int
    stall: float


class StreamedRequest(msgspec.Struct, eq=False):
    """A request as it came, for a verb that takes it so.

    Attributes:
        method: upper-case.
        target: the request target, undecoded.
        lines: the headers in order, names in lower case.
        body: its pieces, as they come; iterating raises LingpaiError when the rest will not come.
        length: bytes of the body; None when that is not known yet.
    """

    method: str
    target: bytes
    lines: Sequence[tuple[bytes, bytes]]
    body: AsyncIterator[bytes]
    length: int | None


class Call(msgspec.Struct, eq=False):
    """The parts of a request that a verb may read besides its parameters.

    Attributes:
        trace_id: time-based UUID of this request.
        peer: the caller's address, as text; of the nearest untrusted hop when trusted proxies are in front; `NOBODY`
            of `core.addresses` when they name none.
        bearer: the credential of an `Authorization: Bearer` header, or None.
        if_none_match: the `If-None-Match` header, or None.
        accepts_html: whether the caller is a browser that asks for a page.
        caller: public name of the recognised caller; a verb sets it and the request's log line shows it.
        safe: whether the method is GET or HEAD, which change nothing (RFC 9110 §9.2.1).
        noted: fields for the request's log line, by name; a verb that refuses a caller adds its name.
        headers: the request's headers, names in lower case, as bytes; of a repeated one the last. See `header`.
        cached_answer: a verb that writes nothing may set it to a function that returns, at once, the value for the same
            request of the same peer, and counts it as the verb would; or None when only the verb knows, as something
            may have changed.
        streamed: the request as it came, of a route that streams.
        shape: how an error looks, where the verb knows better than its route.
        bodiless: whether the method is HEAD: often a preview, that uses up nothing.
    """

    trace_id: str
    peer: str
    bearer: str | None = None
    if_none_match: str | None = None
    accepts_html: bool = False
    safe: bool = False
    headers: Mapping[bytes, bytes] = _NO_HEADERS
    caller: str = ""
    noted: Mapping[str, str] = _NOTHING
    cached_answer: Callable[[], Any] | None = None
    streamed: StreamedRequest | None = None
    shape: "Shape | None" = None
    bodiless: bool = False

    def header(self, name: str) -> str | None:
        """Return the value of a header that has no attribute of its own; `name` in lower case."""
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")


class Reply(msgspec.Struct, frozen=True):
    """An answer ready for the wire. Header names are lower-case.

    Attributes:
        body: the content.
        status: of HTTP.
        content_type: "" for an answer without content: clients parse what calls itself JSON, also when it is empty.
        headers: all others.
    """

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = (NO_STORE,)


class ByteStream(Protocol):
    """The pieces of a body that is made while it is sent."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the pieces, once."""
        ...

    async def aclose(self) -> None:
        """Called once, when all pieces were sent, and also when none will be."""
        ...


class StreamedReply(Reply, frozen=True, kw_only=True):
    """An answer whose body is made while it is sent; only for routes that stream.

    Attributes:
        chunks: the pieces; an exception cuts the connection, so that the caller does not take a part for the whole.
        length: bytes in all; None when that is not known yet.
        raw: further headers as they go on the wire, names in lower case; values without CR, LF and NUL.
    """

    chunks: ByteStream
    length: int | None = None
    raw: tuple[tuple[bytes, bytes], ...] = ()


class Shape(Protocol):
    """The wire format of one family of routes."""

    def success(self, value: Any, trace_id: str) -> Reply:
        """Wrap what a verb returned."""
        ...

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        """Put any error of the closed set into this family's own form."""
        ...


def has_own_words(shape: Shape) -> bool:
    """True when a shape declares `own_words`: its messages are this service's own, and follow `Accept-Language`.

    Those of a vendor's protocol are fixed.
    """
    return bool(getattr(shape, "own_words", False))


Page = Callable[[LingpaiError, Call], Reply]
"""Makes the page that shows an error in a browser."""

Verb = Callable[[Any, Call], Awaitable[Any]]
"""Takes the parameter struct and the call; returns a value for `Shape.success`, or a finished `Reply`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """One declared route.

    Attributes:
        methods: the HTTP methods, upper-case.
        path: an absolute path; `{name}` marks a segment that becomes a parameter.
        params: a `msgspec.Struct` whose fields are the parameters. A field without a default is required, and
            an empty
            value counts as absent. Constraints (`msgspec.Meta`) are checked. A field of a tuple of texts may come more
            than once in a query or a urlencoded body.
        sources: where parameters may come from. The same name in two places with different values is an
            error.
        verb: what answers.
        shape: how answers and errors look.
        summary: one line for the reference and OpenAPI.
        returns: the type of a success, for OpenAPI; None when it has no body of interest, `Reply` when the verb
            writes the reply itself and it need not be JSON.
        tag: groups routes in the reference.
        page: how errors look to browsers that ask for a page; like `shape` says when None.
        quick: whether the verb may run without a task of its own: nothing that it does itself asks for the current
            task, as `asyncio.timeout` does. For verbs that seldom wait, or for futures, as the store's writes are.
        details: what a caller has to know besides, for the reference and OpenAPI.
        body: the type that the parameter `document` has to be, for OpenAPI; None when there is none.
        streams: limits of a route whose verb reads the request as it comes (`Call.streamed`; parameters then come
            from the path and the query alone) and may answer with a `StreamedReply`.
    """

    methods: tuple[str, ...]
    path: str
    params: type[msgspec.Struct]
    sources: Source
    verb: Verb
    shape: Shape
    summary: str
    returns: Any = None
    tag: str = ""
    page: Page | None = None
    quick: bool = False
    details: str = ""
    body: Any = None
    streams: Streams | None = None
