"""Reasons why a platform was not reached, for operators: without addresses, as those have secrets in them."""

import os
import socket
import ssl

from lingpai.http_client.response import LostError


class CallError(Exception):
    """A call by a proxy failed; its text says why.

    Args:
        cause: why.
        untrusted: whether the server's certificate is the reason.
    """

    def __init__(self, cause: str, *, untrusted: bool = False) -> None:
        super().__init__(cause)
        self.untrusted = untrusted


FAILURES = (CallError, OSError, ValueError, ImportError)
"""The exceptions of calls that fail; `LostError`, `TimeoutError` and those of TLS are of the second kind."""


def is_untrusted(error: Exception) -> bool:
    """Return whether a call failed as the server's certificate is not trusted."""
    return isinstance(error, ssl.SSLCertVerificationError) or getattr(error, "untrusted", False)


def cause_of(error: Exception) -> str:
    """Return what failed."""
    said = f"the connection failed ({type(error).__name__})"
    match error:
        case LostError() | CallError():
            said = str(error)
        case ssl.SSLCertVerificationError():
            said = untrusted(error)
        case ssl.SSLError():
            said = f"TLS failed: {error.reason or type(error).__name__}"
        case socket.gaierror():
            said = "the connection failed: its host name cannot be resolved"
        case OSError(errno=int(number)):
            said = f"the connection failed: {os.strerror(number)}"
        case ImportError():
            said = "a SOCKS proxy needs the package python-socks"
    return said


def untrusted(error: Exception) -> str:
    """Return what is wrong with a server's certificate."""
    problem = getattr(error, "verify_message", "") or type(error).__name__
    return (
        f"its TLS certificate is not trusted: {problem} (SSL_CERT_FILE, or ca_bundle of the platform, names "
        "other authorities)"
    )
