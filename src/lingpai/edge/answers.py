"""Sample answers of calls, as the service gives them: for the reference at `/docs` and for OpenAPI."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lingpai.core.languages import read_catalogue
from lingpai.core.wire import Route


@functools.cache
def known_answers() -> Mapping[str, Any]:
    """Return the samples, decoded from JSON, by the path of the call without its realm's prefix."""
    texts = read_catalogue("lingpai.edge", "pages/answers.toml")
    return {path: msgspec.json.decode(text) for path, text in texts.items()}


def answers_of(routes: Sequence[Route]) -> dict[int, Any]:
    """Return the sample of each route that has one, by the route's `id`.

    A route has that of the longest known path that its own ends with, as realms have prefixes; else that of another
    route of its group with the same summary, which is the same call under another path.
    """
    called = [route for route in routes if "OPTIONS" not in route.methods]
    alike: dict[tuple[str, str], Any] = {}
    found: dict[int, Any] = {}
    for route in called:
        known = _known_path(route.path)
        if known:
            found[id(route)] = alike[route.tag, route.summary] = known_answers()[known]
    for route in called:
        if id(route) not in found and (route.tag, route.summary) in alike:
            found[id(route)] = alike[route.tag, route.summary]
    return found


def _known_path(path: str) -> str:
    ends = (path[at:] for at, character in enumerate(path) if character == "/")  # the longest first
    return next((end for end in ends if end in known_answers()), "")
