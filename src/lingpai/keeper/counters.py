"""The keeper's counters for Prometheus.

Gauges of stored values are computed at each scrape, in `status.py`.
"""

import functools
from collections.abc import Callable

from prometheus_client import Counter, Histogram

HITS = Counter(
    "lingpai_keeper_hits", "Requests answered with a cached token or ticket.", ["platform", "kind"]
)
MISSES = Counter("lingpai_keeper_misses", "Requests that had to wait for a platform.", ["platform", "kind"])
FETCHES = Counter(
    "lingpai_upstream_fetches",
    "Attempts to fetch a token or ticket from a platform, by outcome.",
    ["platform", "kind", "outcome"],  # outcome: ok, same, transient, permanent, caller, budget, overtaken
)
UPSTREAM_SECONDS = Histogram("lingpai_upstream_seconds", "Duration of calls to platforms.")
REPORTS = Counter("lingpai_keeper_reports", "Reports of dead tokens, by outcome.", ["platform", "outcome"])
FORWARDED = Counter(
    "lingpai_keeper_forwarded",
    "Forwarded calls, by the pattern that allowed the path and by what came of them.",
    # outcome: ok, replayed, refused, busy, too_large, stalled, unreachable, broken, cancelled, failed
    ["platform", "account", "caller", "path", "outcome"],
)


@functools.cache
def hit(platform: str, kind: str) -> Callable[[], None]:
    """Return the function that counts a hit: looking up a counter by its labels costs more than counting."""
    # Nor need each hit be asked whether its counter can count.
    return functools.partial(HITS.labels(platform, kind)._value.inc, 1)  # noqa: SLF001  a test checks that it exists
