"""The operating port within the rights of a session."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping

from typing_extensions import override

from lingpai.operating.local import Local
from lingpai.operating.port import Condition, Count, Document, Item, Key, Operating, Page, Saved
from lingpai.operating.resources.registry import BY_KIND
from lingpai.operating.rights import READ, WRITE, Need, permits
from lingpai.operating.site import Site


class Permitted(Operating):
    """See `port.Operating`. What the rights do not permit is NOT_ALLOWED, and noted in the audit trail.

    Args:
        site: acts for the operator.
        rights: see `operating.rights`.
    """

    def __init__(self, site: Site, rights: tuple[str, ...]) -> None:
        self._site = site
        self._port = Local(site)
        self._rights = rights

    def may(self, kind: str, verb: str = READ, key: Key = ()) -> bool:
        """Return whether the rights are enough to read or write things of a kind."""
        return permits(self._rights, BY_KIND[kind].need(key, verb))

    def may_list(self, kind: str) -> bool:
        """Return whether the rights are enough to list things of a kind; of one realm at least, if they are of one."""
        realms = self._site.realms if BY_KIND[kind].of_realm else ()
        return any(self.may(kind, READ, key) for key in ((), *((realm,) for realm in realms)))

    @override
    async def read(self, kind: str, key: Key) -> Item:
        await self.demand(kind, READ, key)
        return await self._port.read(kind, key)

    @override
    async def list(
        self,
        kind: str,
        key: Key = (),
        wanted: Mapping[str, str] | None = None,
        *,
        after: str = "",
        limit: int = 50,
    ) -> Page:
        await self.demand(kind, READ, key)
        return await self._port.list(kind, key, wanted, after=after, limit=limit)

    @override
    async def count(self, kind: str, key: Key = (), wanted: Mapping[str, str] | None = None) -> Count:
        await self.demand(kind, READ, key)
        return await self._port.count(kind, key, wanted)

    @override
    async def put(
        self, kind: str, key: Key, document: Document, condition: Condition, *, dry_run: bool = False
    ) -> Saved:
        await self.demand(kind, WRITE, key)
        return await self._port.put(kind, key, document, condition, dry_run=dry_run)

    @override
    async def patch(
        self,
        kind: str,
        key: Key,
        patch: Document,
        condition: Condition | None = None,
        *,
        dry_run: bool = False,
    ) -> Saved:
        await self.demand(kind, WRITE, key)
        return await self._port.patch(kind, key, patch, condition, dry_run=dry_run)

    @override
    async def remove(self, kind: str, key: Key, condition: Condition | None = None) -> Document:
        await self.demand(kind, WRITE, key)
        return await self._port.remove(kind, key, condition)

    @override
    async def act(self, kind: str, key: Key, action: str, document: Document) -> Document:
        await self.demand_action(kind, action, key, document)
        return await self._port.act(kind, key, action, document)

    @override
    async def stream(
        self, kind: str, key: Key, name: str, rows: AsyncIterable[Document] | None = None
    ) -> AsyncGenerator[Document, None]:
        await self._demand(BY_KIND[kind].stream_needs(BY_KIND[kind].streams[name], key))
        async with contextlib.aclosing(self._port.stream(kind, key, name, rows)) as documents:
            async for document in documents:
                yield document

    async def demand(self, kind: str, verb: str, key: Key) -> None:
        """Refuse what the rights do not permit.

        Raises:
            LingpaiError: NOT_ALLOWED.
        """
        await self._demand((BY_KIND[kind].need(key, verb),))

    async def demand_action(self, kind: str, action: str, key: Key, document: Document) -> None:
        """Refuse an action that the rights do not permit.

        Raises:
            LingpaiError: NOT_ALLOWED.
        """
        await self._demand(BY_KIND[kind].needs(BY_KIND[kind].actions[action], key, document))

    async def _demand(self, needs: Iterable[Need]) -> None:
        site = self._site
        await site.refusals.demand(site.keeper, self._rights, needs, "console.refused")
