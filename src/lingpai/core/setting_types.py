"""Types of settings that the service and the platforms share."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lingpai.core.hosts import is_host


class Section(BaseModel):
    """A group of settings: nothing unknown, and each documented by the string below it."""

    model_config = ConfigDict(extra="forbid")


def base_url(text: str) -> str:
    """Return an http or https address without a slash at its end.

    Raises:
        ValueError: it is none, or has a query or a fragment.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https address without query, such as https://api.weixin.qq.com")
    return text.rstrip("/")


def network(text: str) -> str:
    """Return a CIDR block.

    Raises:
        ValueError: it is none.
    """
    ipaddress.ip_network(text, strict=False)
    return text


def host_pattern(text: str) -> str:
    """Return a host name in lower case, or `*.` and one for all hosts below it.

    Raises:
        ValueError: it is none.
    """
    if ":" in text or not is_host(text):
        raise ValueError("must be a host such as client.example.com or *.example.com")
    return text.lower()


HostPattern = Annotated[str, AfterValidator(host_pattern)]
Network = Annotated[str, AfterValidator(network)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
ScopeWord = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
"""One word of a scope (RFC 6749 §3.3)."""
