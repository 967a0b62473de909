"""The access token of a request for a resource (RFC 6750 §2)."""

import re

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call

_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)
"""RFC 6750 §2.1."""


def bearer_token(call: Call, parameter: str | None) -> str:
    """Return the access token from the header or the parameter.

    Args:
        call: its headers.
        parameter: `access_token`, where the protocol reads it.

    Raises:
        LingpaiError: MISSING_PARAMETER, REPEATED_PARAMETER when it is in both, INVALID_PARAMETER for another header.
    """
    header = call.headers.get(b"authorization", b"").decode("latin-1").strip()
    if not header:
        if parameter is None:
            raise LingpaiError(Kind.MISSING_PARAMETER, "There is no access token in the request.")
        return parameter
    if parameter is not None:
        raise LingpaiError(Kind.REPEATED_PARAMETER, "Send the access token in one place only.")
    found = _BEARER.fullmatch(header)
    if found is None:
        raise LingpaiError(Kind.INVALID_PARAMETER, "The Authorization header is malformed.")
    return found[1]
