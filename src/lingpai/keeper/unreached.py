"""Reasons why a platform was not reached, for operators: without addresses, as those have secrets in them."""

import os

import aiohttp

from lingpai.keeper.sessions import LostError


def cause_of(error: Exception) -> str:
    """Return what failed."""
    said = f"the connection failed ({type(error).__name__})"
    match error:
        case LostError():
            said = f"the connection was lost ({error})"
        case aiohttp.ClientConnectorCertificateError():
            problem = getattr(error.certificate_error, "verify_message", "") or type(error).__name__
            said = (
                f"its TLS certificate is not trusted: {problem} (SSL_CERT_FILE, or ca_bundle of the platform, names "
                "other authorities)"
            )
        case aiohttp.ClientConnectorSSLError():
            said = f"TLS failed: {getattr(error.os_error, 'reason', None) or type(error).__name__}"
        case aiohttp.ClientProxyConnectionError():
            said = "the proxy cannot be reached"
        case aiohttp.ClientHttpProxyError():
            said = f"the proxy answered {error.status}"
        case aiohttp.ClientConnectorDNSError():
            said = "the connection failed: its host name cannot be resolved"
        case aiohttp.ClientConnectorError() if error.os_error.errno:
            said = f"the connection failed: {os.strerror(error.os_error.errno)}"
        case ImportError():
            said = "a SOCKS proxy needs the package python-socks"
        case _ if type(error).__name__ == "SocksRefusedError":  # of an extra that may not be installed
            said = f"the proxy refused: {error}"
    return said
