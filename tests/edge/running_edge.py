"""A small service to attack: routes of every kind, one shape of its own, and a raw client."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call, Reply, Route, Shape, Source
from lingpai.edge.admission import ConnectionLimits
from lingpai.edge.app import EdgeApp, create_app
from lingpai.edge.connection import Connection
from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.listening import bind
from lingpai.edge.options import EdgeOptions
from lingpai.edge.server import Listener, ServerOptions, Serving

STATUS: Mapping[Kind, int] = {
    Kind.NOT_ALLOWED: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.REQUEST_TIMEOUT: 408,
    Kind.BODY_TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA_TYPE: 415,
    Kind.TOO_MANY_REQUESTS: 429,
    Kind.INTERNAL: 500,
    Kind.STORE_UNAVAILABLE: 503,
}


class NamedShape:
    """Says whose shape it is, so that a test can tell that it was the right one."""

    def __init__(self, name: str) -> None:
        self.name = name

    def success(self, value: Any, trace_id: str) -> Reply:
        return Reply(msgspec.json.encode({"shape": self.name, "data": value, "trace": trace_id}))

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        body = {
            "shape": self.name,
            "kind": error.kind.value,
            "reason": error.reason,
            "parameter": error.parameter,
            "trace": trace_id,
        }
        return Reply(msgspec.json.encode(body), STATUS.get(error.kind, 400))


class Item(msgspec.Struct):
    """Parameters of every kind."""

    app: str
    code: str
    count: int = 0
    kind: Literal["a", "b"] = "a"
    name: Annotated[str, msgspec.Meta(max_length=5)] = ""
    flag: bool = False


class Keyed(msgspec.Struct):
    id: str
    code: str = ""


class Nothing(msgspec.Struct):
    pass


async def echo(params: Any, call: Call) -> Any:
    return msgspec.to_builtins(params)


async def describe(params: Any, call: Call) -> Any:
    return {
        "peer": call.peer,
        "bearer": call.bearer,
        "none_match": call.if_none_match,
        "html": call.accepts_html,
        "language": call.header("accept-language"),
    }


async def crash(params: Any, call: Call) -> Any:
    raise KeyError("a value that nobody may see")


async def refuse(params: Any, call: Call) -> Any:
    raise LingpaiError(Kind.TOO_MANY_REQUESTS, "slow down", retry_after=2.1, detail="secret=abc")


async def page(params: Any, call: Call) -> Reply:
    headers = (("set-cookie", "a=1"), ("set-cookie", "b=2"), ("cache-control", "no-store"))
    return Reply(b"<p>hello</p>", 200, "text/html; charset=utf-8", headers)


async def split_header(params: Any, call: Call) -> Reply:
    return Reply(b"", 302, headers=(("location", "/x\r\nset-cookie: evil=1"),))


async def not_modified(params: Any, call: Call) -> Reply:
    return Reply(b"ignored", 304, headers=(("etag", '"1"'),))


ALL = Source.QUERY | Source.FORM | Source.JSON | Source.MISLABELLED
MAIN, OTHER, DEEP = NamedShape("main"), NamedShape("other"), NamedShape("deep")


def route(path: str, verb: Any, *methods: str, **more: Any) -> Route:
    given: dict[str, Any] = {
        "params": Nothing,
        "sources": Source.QUERY,
        "shape": MAIN,
        "summary": path,
    } | more
    return Route(methods or ("GET",), path, verb=verb, **given)


ROUTES: tuple[Route, ...] = (
    route("/item", echo, "GET", "POST", params=Item, sources=ALL),
    route("/form", echo, "POST", params=Item, sources=Source.FORM),
    route("/strict", echo, "POST", params=Item, sources=Source.URLENCODED),
    route("/once", echo, "POST", params=Keyed, sources=ALL | Source.ONE_PLACE),
    route("/json", echo, "POST", params=Item, sources=Source.JSON),
    route("/query", echo, "GET", "POST", params=Item, sources=Source.QUERY),
    route("/items/{id}", echo, "GET", "POST", params=Keyed, sources=Source.PATH | ALL),
    route("/other/thing", echo, params=Nothing, shape=OTHER),
    route("/call", describe),
    route("/crash", crash),
    route("/refuse", refuse),
    route("/page", page),
    route("/split", split_header),
    route("/same", not_modified),
)
FALLBACK: tuple[tuple[str, Shape], ...] = (("", MAIN), ("/other", OTHER), ("/other/deep", DEEP))


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Wire:
    """One connection, written to in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def answer(self, method: str = "GET") -> Answer:
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
            return Answer(int(first.split(" ")[1]), headers, await self.reader.readexactly(length))

    async def closed(self) -> bool:
        """Whether the server closes the line, with nothing more to say."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


class Edge:
    """A running server, and the task that ends with it."""

    def __init__(self, serving: Serving, port: int, ended: asyncio.Task[None]) -> None:
        self.serving = serving
        self.port = port
        self.ended = ended

    @contextlib.asynccontextmanager
    async def wire(self, address: str = "127.0.0.1") -> AsyncIterator[Wire]:
        """A line from one of this machine's addresses."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
        try:
            yield Wire(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def raw(self, data: bytes, method: str = "GET") -> Answer:
        async with self.wire() as wire:
            await wire.send(data)
            return await wire.answer(method)

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        content_type: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Answer:
        return await self.raw(request(method, target, body, content_type, headers), method)

    async def get(self, target: str, *headers: tuple[str, str]) -> Answer:
        return await self.ask("GET", target, headers=headers)

    async def form(self, target: str, body: bytes | str) -> Answer:
        raw = body.encode() if isinstance(body, str) else body
        return await self.ask("POST", target, raw, "application/x-www-form-urlencoded")

    async def json(self, target: str, body: bytes | str) -> Answer:
        raw = body.encode() if isinstance(body, str) else body
        return await self.ask("POST", target, raw, "application/json")

    def connections(self) -> list[Connection]:
        """The server's ends of all lines."""
        every = [each for server in self.serving._servers for each in server.server_state.connections]
        return [each for each in every if isinstance(each, Connection)]

    def sweep(self, seconds: float) -> None:
        """Let the server's watch over its connections believe that `seconds` have passed."""
        now = asyncio.get_running_loop().time()
        for connection in self.connections():
            connection.enforce(now)
            connection.enforce(now + seconds)


def request(
    method: str,
    target: str,
    body: bytes = b"",
    content_type: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "host: test"]
    if body or method == "POST":
        lines.append(f"content-length: {len(body)}")
    if content_type is not None:
        lines.append(f"content-type: {content_type}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def app_of(options: EdgeOptions | None = None) -> EdgeApp:
    return create_app(ROUTES, FALLBACK, options)


@contextlib.asynccontextmanager
async def running(
    app: Any,
    limits: ProtocolLimits | None = None,
    *,
    grace: int = 2,
    connections: ConnectionLimits | None = None,
) -> AsyncIterator[Edge]:
    bound = bind("127.0.0.1", 0)
    options = ServerOptions(limits or ProtocolLimits(), grace, connections or ConnectionLimits())
    serving = Serving([Listener(app, [bound])], options)
    up = asyncio.Event()
    task = asyncio.create_task(serving.run(up.set))
    port = bound.getsockname()[1]
    waiting = asyncio.create_task(up.wait())
    try:
        async with asyncio.timeout(10):
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if up.is_set():
            yield Edge(serving, port, task)
    finally:
        waiting.cancel()
        serving.stop()
        await task
