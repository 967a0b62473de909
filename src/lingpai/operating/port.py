"""The one port between front ends and what operators manage: `Local` has it on the store, `Remote` over HTTP.

A thing is named by its kind and its key, such as ("callers", ("shop",)). Documents are JSON objects; secrets go in with
them and never come out again, but for those that a change makes, which come out once.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from typing import Any, NamedTuple, Protocol

Key = tuple[str, ...]
Document = dict[str, Any]


class Item(NamedTuple):
    """A thing as it is now.

    Attributes:
        document: what is shown of it.
        etag: its entity tag, in quotes; another one whenever something of it was changed.
    """

    document: Document
    etag: str


class Page(NamedTuple):
    """Some things of a list.

    Attributes:
        items: their documents.
        next: where the next page begins, or "".
        partial: whether the search was given up before it had looked at everything.
    """

    items: list[Document]
    next: str = ""
    partial: bool = False


class Count(NamedTuple):
    """How many things a list has.

    Attributes:
        number: of those that were counted.
        more: whether counting stopped there.
    """

    number: int
    more: bool = False


class Saved(NamedTuple):
    """A thing after a change.

    Attributes:
        item: as it is now.
        created: whether it is new.
        changed: the names of the fields that changed.
        secrets: what was made for it, shown once, by name.
    """

    item: Item
    created: bool
    changed: tuple[str, ...]
    secrets: Mapping[str, str]


class Condition(NamedTuple):
    """The condition of a change.

    Attributes:
        etags: entity tags of which the thing has one now; ("*",) for any thing that there is; None for no condition.
        absent: whether there has to be none yet.
    """

    etags: tuple[str, ...] | None = None
    absent: bool = False


ANY = Condition(("*",))
ABSENT = Condition(absent=True)


class Operating(Protocol):
    """The operations of front ends. Every verb may raise `LingpaiError`."""

    async def read(self, kind: str, key: Key) -> Item:
        """Return a thing.

        Raises:
            LingpaiError: NOT_FOUND.
        """
        ...

    async def list(
        self,
        kind: str,
        key: Key = (),
        wanted: Mapping[str, str] | None = None,
        *,
        after: str = "",
        limit: int = 50,
    ) -> Page:
        """Return a page of things.

        Args:
            kind: of the things.
            key: what they are in, such as a realm.
            wanted: filters, by name.
            after: `next` of the page before, or "".
            limit: how many at most.

        Raises:
            LingpaiError: INVALID_PARAMETER: a filter is not valid, or `after` is not of this list.
        """
        ...

    async def count(self, kind: str, key: Key = (), wanted: Mapping[str, str] | None = None) -> Count:
        """Return how many things a list has; counting stops at 10,000. Parameters as of `list`."""
        ...

    async def put(
        self, kind: str, key: Key, document: Document, condition: Condition, *, dry_run: bool = False
    ) -> Saved:
        """Make a thing so; fields that the document omits get their defaults, secrets stay.

        Args:
            kind: of the thing.
            key: names it.
            document: what it is to be.
            condition: what has to be so.
            dry_run: check everything, and change nothing.

        Raises:
            LingpaiError: PRECONDITION_FAILED; `FlawsError` with all that is wrong.
        """
        ...

    async def patch(
        self,
        kind: str,
        key: Key,
        patch: Document,
        condition: Condition | None = None,
        *,
        dry_run: bool = False,
    ) -> Saved:
        """Change what a merge patch names (RFC 7396); other fields keep changes that are made at the same time.

        Raises:
            LingpaiError: NOT_FOUND, PRECONDITION_FAILED; `FlawsError`.
        """
        ...

    async def remove(self, kind: str, key: Key, condition: Condition | None = None) -> Document:
        """Remove a thing.

        Raises:
            LingpaiError: NOT_FOUND, PRECONDITION_FAILED.
        """
        ...

    async def act(self, kind: str, key: Key, action: str, document: Document) -> Document:
        """Do with a thing what its kind offers besides, such as giving a caller another key.

        Raises:
            LingpaiError: NOT_FOUND; whatever the action raises.
        """
        ...

    def stream(
        self, kind: str, key: Key, name: str, rows: AsyncIterable[Document] | None = None
    ) -> AsyncGenerator[Document, None]:
        """Do what takes or gives rows one after another; yields what comes of it while it goes on.

        Args:
            kind: of the things.
            key: what they are in, such as a realm.
            name: of the operation.
            rows: what goes in; None for nothing.

        Raises:
            LingpaiError: whatever the operation raises; what it yielded before was done.
        """
        ...
