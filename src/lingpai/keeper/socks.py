"""Connections by a SOCKS 5 proxy (RFC 1928): the extra `socks`, and the only module that needs it."""

import asyncio
import socket
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError, parse_proxy_url
from python_socks.async_.asyncio import Proxy

_LOCALLY: Final = "socks5h://"
"""curl's scheme for a proxy that resolves host names; here every one does."""


class SocksRefusedError(aiohttp.ClientConnectionError):
    """The proxy did not connect; the message is its reason."""


class _Unresolved(AbstractResolver):
    """Leaves host names to the proxy: this machine may not know them."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the name itself."""
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


class _Connector(aiohttp.TCPConnector):
    def __init__(self, url: str, local_addr: tuple[str, int] | None, **options: Any) -> None:
        super().__init__(resolver=_Unresolved(), **options)
        kind, host, port, name, password = parse_proxy_url(url.replace(_LOCALLY, "socks5://", 1))
        self._proxy = Proxy(kind, host, port, name, password, rdns=True)
        self._here = local_addr

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: Any,
        req: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  as the method that this overrides has it
        **more: Any,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        """Connect by the proxy where aiohttp would connect itself; TLS and its errors stay aiohttp's."""
        host, port = addr_infos[0][4][:2]
        try:
            sock = await self._proxy.connect(host, port, timeout=timeout.sock_connect, local_addr=self._here)
        except ProxyTimeoutError as error:
            raise TimeoutError from error
        except (ProxyConnectionError, OSError) as error:
            raise aiohttp.ClientProxyConnectionError(req.connection_key, OSError(error.errno, "")) from error
        except ProxyError as error:
            raise SocksRefusedError(str(error)) from error
        return await self._wrap_existing_connection(*args, sock=sock, req=req, timeout=timeout, **more)


def connector_of(url: str, local_addr: tuple[str, int] | None = None, **options: Any) -> aiohttp.TCPConnector:
    """Return a connector whose connections go by the proxy at `url`.

    Args:
        url: `socks5://NAME:PASSWORD@HOST:PORT`.
        local_addr: address of this machine from which the proxy is reached.
        options: of the connector.
    """
    return _Connector(url, local_addr, **options)
