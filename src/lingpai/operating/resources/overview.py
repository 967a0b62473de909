"""The state of the token hub at a glance: tokens, due renewals, and the workers. No platform is called."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from typing_extensions import override

from lingpai.core.moments import moment
from lingpai.core.records import Account
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.presence import list_workers
from lingpai.keeper.renewal import ROLE
from lingpai.keeper.status import accounts_health
from lingpai.operating.port import Document, Key
from lingpai.operating.resources.resource import Resource
from lingpai.operating.site import Site
from lingpai.operating.statuses import status_document

MOST_DUE: Final = 1000
"""Most due renewals that are listed."""


class Status(Resource[Document]):
    """The document that `lingpai status` prints: ages and remaining times in seconds, never a value."""

    kind = "status"
    path = "/status"
    area = "keeper"
    noun = "the state of the token hub"
    methods = ("GET",)
    listed = False

    @override
    async def find(self, site: Site, key: Key) -> Document:
        del key
        keeper = site.keeper
        accounts = await keeper.store.list_accounts()
        health = await accounts_health(keeper, lambda _name: True)
        workers = await list_workers(keeper, ROLE)
        statuses = await keeper.store.list_statuses()
        return {
            "healthy": health.healthy,
            "at": moment(keeper.clock.now()),
            "accounts": len(accounts),
            "problems": [msgspec.to_builtins(each) for each in health.reasons],
            "tokens": [status_document(keeper, each, chinese=site.chinese) for each in statuses],
            "due": await _due(keeper, accounts),
            "workers": [
                {"node": each.node, "process": each.process, "leads": each.leads} for each in workers
            ],
        }

    @override
    def state(self, site: Site, record: Document) -> Any:
        """Return all of it: ages differ each time."""
        del site
        return record

    @override
    async def document(self, site: Site, record: Document) -> Document:
        del site
        return record


async def _due(keeper: Keeper, accounts: Sequence[Account]) -> list[dict[str, str]]:
    """Return the due renewals, longest due first."""
    known = [each for each in accounts if each.platform in keeper.platforms]
    names = {keeper.app_of(each).key(ACCESS_TOKEN)[:3]: each.name for each in known}
    return [
        {"account": names[key[:3]], "kind": key.kind}
        for key in await keeper.store.due_credentials(MOST_DUE)
        if key[:3] in names
    ]
