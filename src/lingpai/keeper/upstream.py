"""Calls to upstream platforms: pooled, TLS verified, bounded in time and size, never redirected.

A call ends in a dictionary that the platform calls a success, or in one of two exceptions: `Refusal` when the
platform answered with an error number, `Unreachable` when there was no usable answer. Exceptions of the HTTP
library have URLs with secrets in them; only their type's name leaves this module.

A call is sent once. What was lost on the way may have arrived: a code is used up then, and a classic token
replaced, so whether to ask again is for those to decide who know what was asked.
"""

import codecs
import contextlib
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import aiohttp
import msgspec
import yarl

from lingpai.keeper.counters import UPSTREAM_SECONDS
from lingpai.keeper.platforms.forms import ERRCODE, Envelope, member
from lingpai.keeper.platforms.way_out import ANY_WAY, WayOut
from lingpai.keeper.proxies import proxy_for
from lingpai.keeper.sessions import Sessions, looking
from lingpai.keeper.unreached import cause_of

MAX_ANSWER_BYTES = 64 * 1024
MAX_MESSAGE = 300
OK = 200
MOST_DIGITS = 18
_WHOLE = re.compile(r"\s*-?[0-9]+\s*")


class Sent(NamedTuple):
    """A call as it is sent."""

    method: str
    url: str
    query: dict[str, Any] | None
    body: dict[str, Any] | None
    form: dict[str, Any] | None
    headers: Mapping[str, str]


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


class Upstream:
    """One HTTP client for all platforms of a process.

    Args:
        total: seconds for a whole call.
        connect: seconds for making the connection, within `total`.
    """

    def __init__(self, total: float = 8.0, connect: float = 3.0) -> None:
        self.total = total
        self._connect = connect
        self._sessions = Sessions()

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
        try:
            sent = Sent(method, url, query, body, form, headers or {})
            status, content = await self._fetch(sent, envelope, way)
        except TimeoutError as error:
            raise Unreachable(f"no answer within {way.timeout or self.total:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError, ImportError) as error:
            raise Unreachable(cause_of(error)) from error
        finally:
            UPSTREAM_SECONDS.observe(time.perf_counter() - began)
        answer = _understand(content, envelope)
        if status != OK:
            raise Unreachable(f"HTTP status {status} instead of 200")
        return answer

    async def _fetch(self, sent: "Sent", envelope: Envelope, way: WayOut) -> tuple[int, bytes]:
        """Return status and content of the answer."""
        data = sent.form if sent.body is None else msgspec.json.encode(sent.body)
        headers = {"content-type": "application/json"} if sent.body is not None else {}
        headers.update(sent.headers)
        session, proxy = self._by(way, sent.url)
        async with session.request(
            sent.method,
            sent.url,
            params=sent.query,
            data=data,
            headers=headers,
            allow_redirects=False,
            proxy=proxy,
            timeout=self._timeout(way.timeout or self.total),
        ) as response:
            if response.status != OK and not envelope.any_status:
                raise Unreachable(f"HTTP status {response.status} instead of 200")
            content = await response.content.read(MAX_ANSWER_BYTES + 1)
            while len(content) <= MAX_ANSWER_BYTES and not response.content.at_eof():
                content += await response.content.read(MAX_ANSWER_BYTES + 1 - len(content))
        if len(content) > MAX_ANSWER_BYTES:
            raise Unreachable(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        return response.status, content

    async def date(self, url: str, way: WayOut = ANY_WAY) -> str | None:
        """Return the `Date` header of the server at `url`, or None when it sends none.

        Raises:
            Untrusted: its certificate is not trusted.
            Unreachable: nothing answers.
        """
        try:
            session, proxy = self._by(way, url)
            timeout = self._timeout(way.timeout or self.total)
            async with session.get(url, allow_redirects=False, proxy=proxy, timeout=timeout) as response:
                return response.headers.get("date")
        except aiohttp.ClientConnectorCertificateError as error:
            raise Untrusted(cause_of(error)) from error
        except (aiohttp.ClientError, OSError, ValueError, ImportError) as error:
            raise Unreachable(cause_of(error)) from error

    async def presented(self, url: str, way: WayOut = ANY_WAY) -> bytes | None:
        """Return the certificate (DER) that the server at `url` presents, whoever signed it; None when there is none.

        Nothing is sent there but a request for its address, as nobody knows who answers.
        """
        context, seen = looking()
        with contextlib.suppress(aiohttp.ClientError, OSError, ValueError, ImportError):
            session, proxy = self._by(way, url)
            timeout = self._timeout(way.timeout or self.total)
            async with session.get(url, allow_redirects=False, proxy=proxy, timeout=timeout, ssl=context):
                pass
        return seen[-1] if seen else None

    async def send(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        data: bytes | AsyncIterator[bytes] | None,
        total: float,
        way: WayOut = ANY_WAY,
    ) -> aiohttp.ClientResponse:
        """Make one call, once, as it is given, and return its answer, whose body is the caller's to read and to close.

        Args:
            method: any.
            url: absolute, with query, all encoded already.
            headers: all of them, but for those of HTTP itself.
            data: the body; its length is among the headers if it is known.
            total: seconds for the whole call, the answer's body included.
            way: how the platform is reached.

        Raises:
            Unreachable: no connection, or no answer.
            TimeoutError: as the caller of this says, or after `total`.
        """
        try:
            session, proxy = self._by(way, url, streams=True)
            return await session.request(
                method,
                yarl.URL(url, encoded=True),
                headers=headers,
                data=data,
                allow_redirects=False,
                proxy=proxy,
                skip_auto_headers=("Content-Type",),
                timeout=self._timeout(total),
            )
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError, ValueError, ImportError) as error:
            raise Unreachable(cause_of(error)) from error

    async def close(self) -> None:
        """Close the pools."""
        await self._sessions.close()

    def _by(
        self, way: WayOut, url: str, *, streams: bool = False
    ) -> tuple[aiohttp.ClientSession, str | None]:
        """Return the session for a call, and the HTTP proxy that the call is made by.

        Raises:
            OSError: the file of certificate authorities cannot be read.
            ImportError: the proxy speaks SOCKS, and the extra for that is not installed.
        """
        proxy = proxy_for(url, way)
        session = self._sessions.open(way, proxy, streams=streams)
        return session, None if proxy is None or proxy.is_socks else proxy.url

    def _timeout(self, total: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=total, sock_connect=min(self._connect, total))


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
