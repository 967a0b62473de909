"""The keeper's counters for Prometheus.

Gauges of what is held are computed at each scrape, in `status.py`.
"""

from prometheus_client import Counter, Histogram

HITS = Counter("lingpai_keeper_hits", "Values handed out that were held already.", ["platform", "kind"])
MISSES = Counter("lingpai_keeper_misses", "Requests that had to wait for the upstream.", ["platform", "kind"])
FETCHES = Counter(
    "lingpai_upstream_fetches",
    "Attempts to fetch a value upstream, by what came of them.",
    ["platform", "kind", "outcome"],  # outcome: ok, same, transient, permanent, caller, budget, overtaken
)
UPSTREAM_SECONDS = Histogram("lingpai_upstream_seconds", "Seconds that a call to an upstream took.")
REPORTS = Counter(
    "lingpai_keeper_reports", "Reports of dead tokens, by what came of them.", ["platform", "outcome"]
)
