"""Named queries of this engine (`store.queries`)."""

from collections.abc import Mapping

from lingpai.store import queries


def load_queries(topic: str) -> Mapping[str, str]:
    """The statements of `queries/<topic>.sql` by name."""
    return queries.load(__package__, topic)
