"""All rules over a history: what a client could hold against the nodes."""

from collections.abc import Iterator

from tests.nodes import rules_grants, rules_keeper, rules_own
from tests.nodes.history import History

RULES = (*rules_grants.RULES, *rules_own.RULES, *rules_keeper.RULES)
_MOST = 10


def violations(history: History) -> list[str]:
    """What is wrong with a history, by rule; empty when nothing is."""
    return list(_violations(history))


def _violations(history: History) -> Iterator[str]:
    for rule in RULES:
        found = list(rule(history))
        yield from (f"{rule.__name__}: {each}" for each in found[:_MOST])
        if len(found) > _MOST:
            yield f"{rule.__name__}: {len(found) - _MOST} more"
