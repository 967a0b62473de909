"""The operating port on the store."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from typing import Any

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.messages.translating import speaking
from lingpai.operating.conditions import merged, tag_of
from lingpai.operating.cursors import Cursors
from lingpai.operating.port import Condition, Count, Document, Item, Key, Operating, Page, Saved
from lingpai.operating.problems import StaleError
from lingpai.operating.resources.registry import BY_KIND
from lingpai.operating.resources.resource import MOST_ATTEMPTS, Resource, convert
from lingpai.operating.site import Site


class Local(Operating):
    """See `port.Operating`.

    Args:
        site: acts for the operator.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._cursors = Cursors(site.keeper.ring)

    @override
    async def read(self, kind: str, key: Key) -> Item:
        resource = BY_KIND[kind]
        return await self._item(resource, await self._find(resource, key))

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
        # A place means nothing in a list of other things, or in one that is ordered otherwise.
        which = msgspec.json.encode([kind, key, wanted or {}], order="sorted").decode()
        place = self._cursors.read(which, after)
        page = await BY_KIND[kind].page(self._site, key, wanted or {}, place, limit)
        return page._replace(next=self._cursors.write(which, page.next))

    @override
    async def count(self, kind: str, key: Key = (), wanted: Mapping[str, str] | None = None) -> Count:
        return await BY_KIND[kind].count(self._site, key, wanted or {})

    @override
    async def put(
        self, kind: str, key: Key, document: Document, condition: Condition, *, dry_run: bool = False
    ) -> Saved:
        resource = BY_KIND[kind]
        for _ in range(MOST_ATTEMPTS):
            known = await resource.find(self._site, key)
            entry = resource.read_entry(document, await self._only_shown(resource, known))
            self._demand(resource, key, known, condition, document)
            wanted = await resource.build(self._site, key, entry, known)
            saved = await self._save(resource, known, wanted, dry_run=dry_run)
            if saved is not None:
                return saved
        raise _overtaken()

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
        resource = BY_KIND[kind]
        for _ in range(MOST_ATTEMPTS):
            known = await self._find(resource, key)
            self._demand(resource, key, known, condition, patch)
            document = merged(_settable(resource, known), patch)
            entry = resource.read_entry(document, await self._only_shown(resource, known))
            wanted = await resource.build(self._site, key, entry, known)
            saved = await self._save(resource, known, wanted, dry_run=dry_run)
            if saved is not None:
                return saved
        raise _overtaken()

    @override
    async def remove(self, kind: str, key: Key, condition: Condition | None = None) -> Document:
        resource = BY_KIND[kind]
        for _ in range(MOST_ATTEMPTS):
            known = await self._find(resource, key)
            self._demand(resource, key, known, condition, {})
            document = await resource.document(self._site, known)
            remove = resource.remove if condition is None else resource.remove_known
            if await remove(self._site, known):
                return document
            if condition is None:
                raise resource.missing(key)
        raise _overtaken()

    @override
    async def act(self, kind: str, key: Key, action: str, document: Document) -> Document:
        found = BY_KIND[kind].actions[action]
        with speaking(self._site.chinese):
            return await found.run(self._site, key, convert(document, found.body))

    @override
    async def stream(
        self, kind: str, key: Key, name: str, rows: AsyncIterable[Document] | None = None
    ) -> AsyncGenerator[Document, None]:
        run = BY_KIND[kind].streams[name].run
        async with contextlib.aclosing(
            run(self._site, key, aiter(_no_rows() if rows is None else rows))
        ) as documents:
            async for document in documents:
                yield document

    async def _find(self, resource: Resource[Any], key: Key) -> Any:
        known = await resource.find(self._site, key)
        if known is None:
            raise resource.missing(key)
        return known

    async def _item(self, resource: Resource[Any], record: Any) -> Item:
        document = await resource.shown(self._site, record)
        return Item(document, tag_of(self._site.tags, resource.state(self._site, record)))

    async def _only_shown(self, resource: Resource[Any], known: Any) -> frozenset[str]:
        """Return the names that documents show and no entry has: who sends back what was read may leave them in."""
        if known is None:
            return frozenset()
        document = await resource.shown(self._site, known)
        return frozenset(document) - frozenset(resource.settable(known)) - frozenset(resource.written)

    def _demand(
        self, resource: Resource[Any], key: Key, known: Any, condition: Condition | None, document: Document
    ) -> None:
        """Check the condition of a change against what there is.

        Raises:
            LingpaiError: PRECONDITION_FAILED, as `StaleError` when it is another than expected.
        """
        if condition is None:
            return
        if condition.absent:
            if known is not None:
                raise LingpaiError(
                    Kind.PRECONDITION_FAILED, f"There is a {resource.noun} {'/'.join(key)} already."
                )
            return
        if known is None:
            raise LingpaiError(Kind.PRECONDITION_FAILED, f"There is no {resource.noun} {'/'.join(key)}.")
        tag = tag_of(self._site.tags, resource.state(self._site, known))
        if condition.etags is not None and "*" not in condition.etags and tag not in condition.etags:
            settable = _settable(resource, known)
            differing = (name for name in settable if name in document and document[name] != settable[name])
            raise StaleError(tag, tuple(differing))

    async def _save(self, resource: Resource[Any], known: Any, wanted: Any, *, dry_run: bool) -> Saved | None:
        """Save a record; None when somebody else changed it meanwhile."""
        changed = () if known is None else resource.changed(known, wanted)
        if dry_run:
            return Saved(await self._item(resource, wanted), known is None, changed, {})
        if known is not None and not changed:
            return Saved(await self._item(resource, known), created=False, changed=(), secrets={})
        secrets = await resource.save(self._site, known, wanted)
        if secrets is None:
            return None
        return Saved(await self._fresh(resource, wanted), known is None, changed, secrets)

    async def _fresh(self, resource: Resource[Any], wanted: Any) -> Item:
        stored = await resource.find(self._site, resource.key_of(self._site, wanted))
        return await self._item(resource, wanted if stored is None else stored)


def _settable(resource: Resource[Any], known: Any) -> Document:
    """Return the settable fields as JSON has them."""
    # By way of JSON, which has no tuples: a list that was sent back as it was read is the same.
    document: Document = msgspec.json.decode(msgspec.json.encode(resource.settable(known)))
    return document


def _overtaken() -> LingpaiError:
    return LingpaiError(Kind.CONFLICT, "Others change it all the time; try again.", retry_after=1.0)


async def _no_rows() -> AsyncIterator[Document]:
    """Yield nothing."""
    none: tuple[Document, ...] = ()
    for row in none:
        yield row
