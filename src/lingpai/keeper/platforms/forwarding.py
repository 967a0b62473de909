"""The declaration of a platform's API calls for forwarding (`keeper/forwarding`)."""

import dataclasses
from typing import Final

NEVER: Final = (
    "*/token",
    "*/stable_token",
    "*/gettoken",
    "*/get_token",
    "*/access_token",
    "*/refresh_token",
    "*/getticket",
    "*/get_jsapi_ticket",
    "*/ticket/get",
    "*/clear_quota*",
    "*/quota/clear*",
    "*/component/*",
    "*/service/*",
)
"""Paths that WeChat's and WeCom's APIs have for tokens, tickets, quotas and third-party platforms."""


@dataclasses.dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where a call has its token.

    Attributes:
        parameter: of the query, or "".
        header: in lower case, or "".
        scheme: before the token in that header, such as "Bearer ".
    """

    parameter: str = ""
    header: str = ""
    scheme: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """The forwarding of a platform's calls.

    Attributes:
        prefixes: beginnings of the paths of its API; each begins and ends with a slash.
        place: where the token goes.
        dead: error numbers that say that the token of the call is dead; the platform refused before it acted.
        never: patterns, in lower case, of paths that are never forwarded, however they are written: they give or cost
            what this service keeps.
        refused: error number for a path that a caller may not have forwarded.
        busy: error number for too many calls at once.
        often: error number for too many calls a second.
    """

    prefixes: tuple[str, ...]
    place: TokenPlace
    dead: frozenset[int]
    never: tuple[str, ...] = NEVER
    refused: int
    busy: int
    often: int
