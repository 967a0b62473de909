"""The declaration of a platform's API calls for forwarding (`keeper/forwarding`)."""

import dataclasses
import functools
from collections.abc import Mapping
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
        places: where the token goes under a prefix, where that differs from `place`.
        at: name of the address of a prefix, see `Platform.addresses`; `base_url` for others.
    """

    prefixes: tuple[str, ...]
    place: TokenPlace
    dead: frozenset[int]
    never: tuple[str, ...] = NEVER
    refused: int
    busy: int
    often: int
    places: Mapping[str, TokenPlace] = dataclasses.field(default_factory=dict)
    at: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def prefix_of(self, path: str) -> str:
        """Return the longest prefix of a path; "" when it has none."""
        return _longest(self.prefixes, path)

    def place_of(self, path: str) -> TokenPlace:
        """Return where the token of a call to this path goes."""
        return self.places.get(self.prefix_of(path), self.place)


@functools.lru_cache(maxsize=512)
def _longest(prefixes: tuple[str, ...], path: str) -> str:
    return max((each for each in prefixes if path.startswith(each)), key=len, default="")
