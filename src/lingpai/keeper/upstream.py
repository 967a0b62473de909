"""Calls to upstream platforms: pooled, TLS verified, bounded in time and size, never redirected.

A call ends in a dictionary that the platform calls a success, or in one of two exceptions: `Refusal` when the
platform answered with an error number, `Unreachable` when there was no usable answer. Exceptions of the HTTP
library have URLs with secrets in them; only their type's name leaves this module.

A call is sent once. What was lost on the way may have arrived: a code is used up then, and a classic token
replaced, so whether to ask again is for those to decide who know what was asked.
"""

import codecs
import re
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec

from lingpai.http_client.pool import HttpRequest
from lingpai.keeper.counters import UPSTREAM_SECONDS
from lingpai.keeper.platforms.forms import ERRCODE, Envelope, member
from lingpai.keeper.platforms.way_out import ANY_WAY, WayOut
from lingpai.keeper.unreached import FAILURES, cause_of, is_untrusted
from lingpai.keeper.ways import Ways

MAX_ANSWER_BYTES = 64 * 1024
MAX_MESSAGE = 300
OK = 200
MOST_DIGITS = 18
_WHOLE = re.compile(r"\s*-?[0-9]+\s*")


class Refusal(Exception):
    """The platform answered with an error number.

    Attributes:
        code: its number.
        message: its text, cut at 300 characters.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Unreachable(Exception):
    """There was no usable answer; the message is ours and has no secret in it."""


class Untrusted(Unreachable):
    """The server's certificate is not trusted."""


class Response(Protocol):
    """A platform's answer on its way; see `http_client.response.HttpResponse`."""

    status: int
    lines: list[tuple[bytes, bytes]]

    @property
    def length(self) -> int | None:
        """Bytes of the body as it is read, or None when that is not known yet."""
        ...

    @property
    def complete(self) -> bool:
        """True when all of its body has come."""
        ...

    def header(self, name: bytes) -> str | None:
        """Return the value of a header, the first of several, or None."""
        ...

    async def head(self, stall: float) -> None:
        """Wait for the head, `stall` seconds at most."""
        ...

    async def read(self, stall: float) -> bytes:
        """Return the next piece of the body, within `stall` seconds; b"" after its end."""
        ...

    def close(self) -> None:
        """Want no more of it."""
        ...


class Upstream:
    """One HTTP client for all platforms of a process.

    Args:
        total: seconds for a whole call.
        connect: seconds for making the connection, within `total`.
    """

    def __init__(self, total: float = 8.0, connect: float = 3.0) -> None:
        self.total = total
        self._ways = Ways(connect)

    async def call(
        self,
        method: str,
        url: str,
        *,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        form: dict[str, Any] | None = None,
        envelope: Envelope = ERRCODE,
        way: WayOut = ANY_WAY,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make one call, once.

        Args:
            method: "GET" or "POST".
            url: absolute, without query.
            query: its parameters; encoded here.
            body: sent as JSON when given.
            form: sent as a form when given.
            envelope: where answers of this platform have result and data.
            way: how the platform is reached.
            headers: besides those of HTTP.

        Returns:
            The data of a success: the platform's JSON object, or the one within it that the envelope names.

        Raises:
            Refusal: the platform answered an error number.
            Unreachable: no connection, no answer in time, or not the answer of a platform.
        """
        began = time.perf_counter()
        total = way.timeout or self.total
        try:
            request = _request_of(method, url, query, body, form, headers or {})
            status, content = await self._fetch(request, envelope, way, total)
        except TimeoutError as error:
            raise Unreachable(f"no answer within {total:g} s") from error
        except FAILURES as error:
            raise Unreachable(cause_of(error)) from error
        finally:
            UPSTREAM_SECONDS.observe(time.perf_counter() - began)
        answer = _understand(content, envelope)
        if status != OK:
            raise Unreachable(f"HTTP status {status} instead of 200")
        return answer

    async def _fetch(
        self, request: HttpRequest, envelope: Envelope, way: WayOut, total: float
    ) -> tuple[int, bytes]:
        """Return status and content of the answer."""
        response = await self._ways.send(request, way, total)
        try:
            await response.head(total)
            if response.status != OK and not envelope.any_status:
                raise Unreachable(f"HTTP status {response.status} instead of 200")
            content = b""
            while piece := await response.read(total):
                content += piece
                if len(content) > MAX_ANSWER_BYTES:
                    raise Unreachable(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        finally:
            response.close()
        return response.status, content

    async def date(self, url: str, way: WayOut = ANY_WAY) -> str | None:
        """Return the `Date` header of the server at `url`, or None when it sends none.

        Raises:
            Untrusted: its certificate is not trusted.
            Unreachable: nothing answers.
        """
        total = way.timeout or self.total
        try:
            response = await self._ways.send(HttpRequest("GET", url), way, total)
            try:
                await response.head(total)
                return response.header(b"date")
            finally:
                response.close()
        except FAILURES as error:
            kind = Untrusted if is_untrusted(error) else Unreachable
            raise kind(cause_of(error)) from error

    async def presented(self, url: str, way: WayOut = ANY_WAY) -> bytes | None:
        """Return the certificate (DER) that the server at `url` presents, whoever signed it; None when there is none.

        Nothing is sent there but a request for its address, as nobody knows who answers.
        """
        return await self._ways.presented(url, way, way.timeout or self.total)

    async def send(
        self, request: HttpRequest, *, stall: float, total: float, way: WayOut = ANY_WAY
    ) -> Response:
        """Make one call, once, as it is given, and return its answer, whose body is the caller's to read and to close.

        Args:
            request: the call, all encoded already.
            stall: seconds until the head of the answer must be there, from the last piece of the body that was sent.
            total: seconds for the whole call, the answer's body included.
            way: how the platform is reached.

        Raises:
            Unreachable: no connection, or no answer.
            TimeoutError: no answer in time.
        """
        response = None
        try:
            response = await self._ways.send(request, way, total, streams=True)
            await response.head(stall)
        except BaseException as error:
            if response is not None:
                response.close()
            if isinstance(error, FAILURES) and not isinstance(error, TimeoutError):
                raise Unreachable(cause_of(error)) from error
            raise
        return response

    async def close(self) -> None:
        """Close the pools."""
        await self._ways.close()


def _request_of(
    method: str,
    url: str,
    query: dict[str, Any] | None,
    body: dict[str, Any] | None,
    form: dict[str, Any] | None,
    more: Mapping[str, str],
) -> HttpRequest:
    data, kind = b"", ""
    if body is not None:
        data, kind = msgspec.json.encode(body), "application/json"
    elif form is not None:
        data, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
    headers = {"accept": "*/*"}
    if kind:
        headers["content-type"] = kind
    headers.update((name.lower(), value) for name, value in more.items())
    return HttpRequest(method, f"{url}?{urlencode(query)}" if query else url, tuple(headers.items()), data)


def number_of(value: Any) -> Any:
    """Return an answer's whole number that was written as text or as a fraction; anything else unchanged."""
    if isinstance(value, str) and len(value) <= MOST_DIGITS and _WHOLE.fullmatch(value):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _understand(content: bytes, envelope: Envelope) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(content.removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreachable("an answer that is not JSON") from error
    if not isinstance(answer, dict):
        raise Unreachable("an answer that is not a JSON object")
    envelope = envelope.of(answer)
    code = number_of(envelope.code_in(answer))
    if code is None and envelope.may_lack:
        code = envelope.success
    if not isinstance(code, int) or isinstance(code, bool):
        raise Unreachable(f"an {envelope.code} that is not a number")
    if code != envelope.success:
        raise Refusal(code, str(member(answer, envelope.message) or f"no {envelope.message}")[:MAX_MESSAGE])
    data = member(answer, envelope.data) if envelope.data else answer
    if not isinstance(data, dict):
        raise Unreachable(f"a success without {envelope.data}")
    return data
