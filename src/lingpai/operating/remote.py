"""The operating port over HTTP: what `Local` does, by the admin API of a running service."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from typing import Any, Final, Self

import aiohttp
import msgspec
from typing_extensions import override
from yarl import URL

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import Flaw, FlawsError
from lingpai.operating.port import Condition, Count, Document, Item, Key, Operating, Page, Saved
from lingpai.operating.problems import UnfinishedError
from lingpai.operating.replies import ROOT, filled
from lingpai.operating.resources.registry import BY_KIND

SECONDS: Final = 30.0
"""Seconds that one call may take."""
LONG: Final = 3600.0
"""Seconds that an action may take, such as the rotation of a key, which writes every value of the store again."""
UNIX: Final = "unix:"
PIECE: Final = 32 * 1024
"""Bytes of rows that are sent at a time."""
MOST_UNREAD: Final = 8 * 1024 * 1024
"""Bytes of answered lines that wait to be read; a line may have half of them."""


class Remote(Operating):
    """See `port.Operating`. Used as a context.

    Args:
        url: of the listener of the admin API, or `unix:PATH`.
        key: an admin key.
        language: of texts for people, such as "zh".
    """

    def __init__(self, url: str, key: str, language: str = "en") -> None:
        self._url = "http://localhost" if url.startswith(UNIX) else url.rstrip("/")
        self._path = url.removeprefix(UNIX) if url.startswith(UNIX) else None
        self._headers = {"Authorization": f"Bearer {key}", "Accept-Language": language}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the client."""
        connector = None if self._path is None else aiohttp.UnixConnector(self._path)
        self._session = aiohttp.ClientSession(headers=self._headers, connector=connector)
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close the client."""
        if self._session is not None:
            await self._session.close()

    @override
    async def read(self, kind: str, key: Key) -> Item:
        document, headers, _ = await self._ask("GET", self._thing(kind, key))
        return Item(document, headers.get("etag", ""))

    @override
    async def list(
        self,
        kind: str,
        key: Key = (),
        wanted: Mapping[str, str] | None = None,
        *,
        after: str = "",
        limit: int = 50,
    ) -> Page:
        query = {**(wanted or {}), "limit": str(limit)} | ({"after": after} if after else {})
        document, _, _ = await self._ask("GET", filled(BY_KIND[kind].list_path, key), query=query)
        return Page(document["items"], document["next"] or "", document.get("partial", False))

    @override
    async def count(self, kind: str, key: Key = (), wanted: Mapping[str, str] | None = None) -> Count:
        query = {**(wanted or {}), "limit": "1", "count": "1"}
        document, _, _ = await self._ask("GET", filled(BY_KIND[kind].list_path, key), query=query)
        return Count(document["count"], document["more"])

    @override
    async def put(
        self, kind: str, key: Key, document: Document, condition: Condition, *, dry_run: bool = False
    ) -> Saved:
        return await self._change("PUT", kind, key, document, condition, dry_run=dry_run)

    @override
    async def patch(
        self,
        kind: str,
        key: Key,
        patch: Document,
        condition: Condition | None = None,
        *,
        dry_run: bool = False,
    ) -> Saved:
        return await self._change("PATCH", kind, key, patch, condition, dry_run=dry_run)

    @override
    async def remove(self, kind: str, key: Key, condition: Condition | None = None) -> Document:
        document, _, _ = await self._ask("DELETE", self._thing(kind, key), condition=condition)
        return document

    @override
    async def act(self, kind: str, key: Key, action: str, document: Document) -> Document:
        resource = BY_KIND[kind]
        found = resource.actions[action]
        path = (resource.list_path if found.whole else resource.path) + found.path
        answer, _, _ = await self._ask("POST", filled(path, key), document, seconds=LONG)
        return answer

    @override
    async def stream(
        self, kind: str, key: Key, name: str, rows: AsyncIterable[Document] | None = None
    ) -> AsyncGenerator[Document, None]:
        resource = BY_KIND[kind]
        streamed = resource.streams[name]
        if self._session is None:
            raise RuntimeError("the client is not open")
        try:
            async with self._session.request(
                "GET" if streamed.row is None else "POST",
                URL(self._url + ROOT + filled(resource.list_path, key) + streamed.path, encoded=True),
                data=None if rows is None else _lines(rows),
                headers=None if rows is None else {"Content-Type": "application/x-ndjson"},
                expect100=rows is not None,  # what is refused is not sent
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=SECONDS, sock_read=LONG),
                read_bufsize=MOST_UNREAD,
            ) as answer:
                if answer.status >= 400:  # noqa: PLR2004  an error
                    raise _error_of(_document(await answer.read(), answer.status))
                async for line in answer.content:
                    found = _document(line, answer.status)
                    if "error" in found:
                        raise _error_of(found["error"])
                    yield found
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(type(error).__name__) from error

    async def _change(
        self,
        method: str,
        kind: str,
        key: Key,
        document: Document,
        condition: Condition | None,
        *,
        dry_run: bool,
    ) -> Saved:
        query = {"dry_run": "1"} if dry_run else None
        shown, headers, status = await self._ask(
            method, self._thing(kind, key), document, query=query, condition=condition
        )
        secrets = {name: shown.pop(name) for name in BY_KIND[kind].made if name in shown}
        changed = tuple(filter(None, headers.get("lingpai-fields", "").split(",")))
        return Saved(Item(shown, headers.get("etag", "")), status == 201, changed, secrets)  # noqa: PLR2004  created

    def _thing(self, kind: str, key: Key) -> str:
        return filled(BY_KIND[kind].path, key)

    async def _ask(
        self,
        method: str,
        path: str,
        document: Document | None = None,
        *,
        query: Mapping[str, str] | None = None,
        condition: Condition | None = None,
        seconds: float = SECONDS,
    ) -> tuple[Document, Mapping[str, str], int]:
        if self._session is None:
            raise RuntimeError("the client is not open")
        body = None if document is None else msgspec.json.encode(document)
        headers = {} if body is None else {"Content-Type": "application/json"}
        if condition is not None:
            headers |= (
                {"If-None-Match": "*"} if condition.absent else {"If-Match": ", ".join(condition.etags or ())}
            )
        try:
            async with self._session.request(
                method,
                URL(self._url + ROOT + path, encoded=True),
                data=body,
                params=query,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=SECONDS),
            ) as answer:
                content, status = await answer.read(), answer.status
                named = {name.lower(): value for name, value in answer.headers.items()}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(type(error).__name__) from error
        found = _document(content, status)
        if status >= 400:  # noqa: PLR2004  an error
            raise _error_of(found)
        return found, named, status


async def _lines(rows: AsyncIterable[Document]) -> AsyncIterator[bytes]:
    """Yield rows as lines of JSON, many at a time."""
    held, size = list[bytes](), 0
    async for row in rows:
        line = msgspec.json.encode(row)
        held.append(line)
        size += len(line)
        if size > PIECE:
            yield b"\n".join(held) + b"\n"
            held, size = [], 0
    if held:
        yield b"\n".join(held) + b"\n"


def _document(content: bytes, status: int) -> Document:
    try:
        found: Document = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise _unreachable(f"status {status}") from error
    return found


def _unreachable(problem: str) -> LingpaiError:
    reason = f"The admin API cannot be reached ({problem}); see --server and LINGPAI_SERVER."
    return LingpaiError(Kind.UPSTREAM_UNAVAILABLE, reason)


def _error_of(problem: Mapping[str, Any]) -> LingpaiError:
    """Return the error of a problem document."""
    kinds = {kind.value: kind for kind in Kind}
    kind, title = kinds.get(str(problem.get("code")), Kind.INTERNAL), str(problem.get("title", ""))
    named = [
        (str(each["pointer"]).removeprefix("/"), str(each["detail"])) for each in problem.get("errors", ())
    ]
    if kind is Kind.INVALID_PARAMETER and named:
        return FlawsError(Flaw(*each) for each in named)
    if "made" in problem:
        return UnfinishedError(kind, title, problem["made"])
    code = problem.get("upstream_code")
    return LingpaiError(
        kind,
        title,
        parameter=named[0][0] if named else "",
        code=code if isinstance(code, int) else None,
    )
