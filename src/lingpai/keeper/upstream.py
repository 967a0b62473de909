"""Calls to upstream platforms: pooled, TLS verified, bounded in time and size, never redirected.

A call ends in a dictionary that the platform calls a success, or in one of two exceptions: `Refusal` when the
platform answered with an error number, `Unreachable` when there was no usable answer. Exceptions of the HTTP
library have URLs with secrets in them; only their type's name leaves this module.

A call is sent once. What was lost on the way may have arrived: a code is used up then, and a classic token
replaced, so whether to ask again is for those to decide who know what was asked.
"""

import codecs
import os
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import yarl

from lingpai.keeper.counters import UPSTREAM_SECONDS
from lingpai.keeper.platforms.forms import ERRCODE, Envelope
from lingpai.keeper.proxies import proxy_for

MAX_ANSWER_BYTES = 64 * 1024
MAX_MESSAGE = 300
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


class _Lost(aiohttp.ClientConnectionError):
    """The connection broke under a call; the message is the name of the client's own exception."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Client middleware: aiohttp sends a GET a second time after these two exceptions, and after no other."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(type(error).__name__) from None


class Upstream:
    """One HTTP client for all platforms of a process.

    Args:
        total: seconds for a whole call.
        connect: seconds for making the connection, within `total`.
    """

    def __init__(self, total: float = 8.0, connect: float = 3.0) -> None:
        self.total = total
        self._timeout = aiohttp.ClientTimeout(total=total, sock_connect=connect)
        self._session: aiohttp.ClientSession | None = None
        self._streams: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        url: str,
        *,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        form: dict[str, Any] | None = None,
        envelope: Envelope = ERRCODE,
    ) -> dict[str, Any]:
        """Make one call, once.

        Args:
            method: "GET" or "POST".
            url: absolute, without query.
            query: its parameters; encoded here.
            body: sent as JSON when given.
            form: sent as a form when given.
            envelope: where answers of this platform have result and data.

        Returns:
            The data of a success: the platform's JSON object, or the one within it that the envelope names.

        Raises:
            Refusal: the platform answered an error number.
            Unreachable: no connection, no answer in time, or not the answer of a platform.
        """
        began = time.perf_counter()
        try:
            content = await self._fetch(method, url, query, body, form)
        except TimeoutError as error:
            raise Unreachable(f"no answer within {self.total:g} s") from error
        except _Lost as error:
            raise Unreachable(f"the connection was lost ({error})") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(_why(error)) from error
        finally:
            UPSTREAM_SECONDS.observe(time.perf_counter() - began)
        return _understand(content, envelope)

    async def _fetch(
        self,
        method: str,
        url: str,
        query: dict[str, Any] | None,
        body: dict[str, Any] | None,
        form: dict[str, Any] | None,
    ) -> bytes:
        data = form if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json"} if body is not None else None
        proxy = proxy_for(url)
        async with self._open().request(
            method,
            url,
            params=query,
            data=data,
            headers=headers,
            allow_redirects=False,
            proxy=proxy.url if proxy else None,
        ) as response:
            if response.status != 200:  # noqa: PLR2004
                raise Unreachable(f"HTTP status {response.status} instead of 200")
            content = await response.content.read(MAX_ANSWER_BYTES + 1)
            while len(content) <= MAX_ANSWER_BYTES and not response.content.at_eof():
                content += await response.content.read(MAX_ANSWER_BYTES + 1 - len(content))
        if len(content) > MAX_ANSWER_BYTES:
            raise Unreachable(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        return content

    async def date(self, url: str) -> str | None:
        """Return the `Date` header of the server at `url`, or None when it sends none.

        Raises:
            Unreachable: nothing answers.
        """
        proxy = proxy_for(url)
        try:
            async with self._open().get(
                url, allow_redirects=False, proxy=proxy.url if proxy else None
            ) as response:
                return response.headers.get("date")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(_why(error)) from error

    async def send(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        data: bytes | AsyncIterator[bytes] | None,
        total: float,
    ) -> aiohttp.ClientResponse:
        """Make one call, once, as it is given, and return its answer, whose body is the caller's to read and to close.

        Args:
            method: any.
            url: absolute, with query, all encoded already.
            headers: all of them, but for those of HTTP itself.
            data: the body; its length is among the headers if it is known.
            total: seconds for the whole call, the answer's body included.

        Raises:
            Unreachable: no connection, or no answer.
            TimeoutError: as the caller of this says, or after `total`.
        """
        proxy = proxy_for(url)
        try:
            return await self._open_for_streams().request(
                method,
                yarl.URL(url, encoded=True),
                headers=headers,
                data=data,
                allow_redirects=False,
                proxy=proxy.url if proxy else None,
                skip_auto_headers=("Content-Type",),
                timeout=aiohttp.ClientTimeout(total=total, sock_connect=self._timeout.sock_connect),
            )
        except TimeoutError:
            raise
        except _Lost as error:
            raise Unreachable(f"the connection was lost ({error})") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(_why(error)) from error

    async def close(self) -> None:
        """Close the pools."""
        if self._streams is not None:
            await self._streams.close()
            self._streams = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_for_streams(self) -> aiohttp.ClientSession:
        """Return the pool of forwarded calls: fetches of tokens never wait for a connection of theirs."""
        if self._streams is None:
            self._streams = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(_once,),
            )
        return self._streams

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), middlewares=(_once,)
            )
        return self._session


def _why(error: Exception) -> str:
    """Return what failed, without addresses: those have secrets in them."""
    said = f"the connection failed ({type(error).__name__})"
    match error:
        case aiohttp.ClientConnectorCertificateError():
            cause = error.certificate_error
            reason = getattr(cause, "verify_message", "") or type(cause).__name__
            said = f"its TLS certificate is not trusted: {reason} (SSL_CERT_FILE names other authorities)"
        case aiohttp.ClientConnectorSSLError():
            said = f"TLS failed: {getattr(error.os_error, 'reason', None) or type(error).__name__}"
        case aiohttp.ClientProxyConnectionError():
            said = "the proxy that the environment names cannot be reached"
        case aiohttp.ClientHttpProxyError():
            said = f"the proxy that the environment names answered {error.status}"
        case aiohttp.ClientConnectorDNSError():
            said = "the connection failed: its host name cannot be resolved"
        case aiohttp.ClientConnectorError() if error.os_error.errno:
            said = f"the connection failed: {os.strerror(error.os_error.errno)}"
    return said


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
    code = number_of(answer.get(envelope.code, envelope.success if envelope.may_lack else None))
    if not isinstance(code, int) or isinstance(code, bool):
        raise Unreachable(f"an {envelope.code} that is not a number")
    if code != envelope.success:
        raise Refusal(code, str(answer.get(envelope.message) or f"no {envelope.message}")[:MAX_MESSAGE])
    data = answer.get(envelope.data) if envelope.data else answer
    if not isinstance(data, dict):
        raise Unreachable(f"a success without {envelope.data}")
    return data
