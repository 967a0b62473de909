"""Checks of the environments that share a callback domain."""

from typing import TYPE_CHECKING

from lingpai.messages.translating import tr, tr_reason
from lingpai.operating.findings import Finding

if TYPE_CHECKING:
    from lingpai.core.relays import Environment
    from lingpai.keeper.keeper import Keeper


async def check_environments(keeper: "Keeper") -> list[Finding]:
    """Check that each environment is reached, and that its account's messages come here."""
    environments = await keeper.store.list_environments()
    if not environments:
        return []
    waiting = await keeper.store.waiting_copies()
    relayed = {each.app for each in await keeper.store.list_relays()}
    return [
        _finding(each, waiting[each.name].count if each.name in waiting else 0, relayed)
        for each in environments
    ]


def _finding(each: "Environment", waiting: int, relayed: set[str]) -> Finding:
    if each.url and each.app not in relayed:
        return Finding(
            "environment",
            each.name,
            "warn",
            tr("No messages of {app} come here: it has no token.", app=each.app),
            tr("Set it: `lingpai relay set {app}`.", app=each.app),
        )
    if each.failures:
        return Finding(
            "environment",
            each.name,
            "warn",
            tr("Messages waiting: {count}. {problem}.", count=waiting, problem=tr_reason(each.problem)),
            tr("Messages are kept for three days; see that {url} answers.", url=each.url),
        )
    return Finding("environment", each.name, "ok", tr("Messages waiting: {count}.", count=waiting))
