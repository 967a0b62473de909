"""The keeper's counters for Prometheus.

Gauges of stored values are computed at each scrape, in `status.py`.
"""

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
DELIVERIES = Counter(
    "lingpai_hook_deliveries",
    "Attempts to post an event to a webhook, by outcome.",
    ["hook", "outcome"],  # outcome: ok, failed, aside, ended
)
PUSHES = Counter(
    "lingpai_keeper_pushes",
    "What platforms pushed to callbacks of third-party platforms, by outcome.",
    ["platform", "outcome"],  # outcome: ticket, old, event, message, other, refused
)
RELAY_MESSAGES = Counter(
    "lingpai_relay_messages",
    "Messages that platforms pushed, by account and by what they were answered.",
    # outcome: ok, late, failed, unanswered, repeated, refused
    ["app", "outcome"],
)
RELAY_COPIES = Counter(
    "lingpai_relay_copies",
    "Attempts to deliver a copy of a message to an environment, by outcome.",
    ["environment", "outcome"],  # outcome: ok, refused, unreached, dropped
)
RELAY_LOGINS = Counter(
    "lingpai_relay_logins",
    "Logins that were relayed to an environment, by outcome.",
    ["app", "environment", "outcome"],  # outcome: begun, done, denied
)


class Hits:
    """The answers with a stored value since they were last published.

    Args:
        platform: name of the platform.
        kind: of the value.

    Attributes:
        count: how many; whoever answers adds to it, as a call of the counter costs more than the rest of the count.
    """

    __slots__ = ("_counter", "count")

    def __init__(self, platform: str, kind: str) -> None:
        self.count = 0
        self._counter = HITS.labels(platform, kind)

    def publish(self) -> None:
        """Add them to the counter."""
        count, self.count = self.count, 0
        self._counter.inc(count)


_hits: dict[tuple[str, str], Hits] = {}


def hits_of(platform: str, kind: str) -> Hits:
    """Return the hits of a platform's values of one kind, of all keepers of this process."""
    found = _hits.get((platform, kind))
    if found is None:
        found = _hits[platform, kind] = Hits(platform, kind)
    return found


def publish_hits() -> None:
    """Add the hits since the last time to their counters; each worker does so each second."""
    for hits in _hits.values():
        hits.publish()
