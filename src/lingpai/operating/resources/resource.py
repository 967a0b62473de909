"""One kind of things that operators manage: how they are found, described, changed and shown."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final, Generic, NamedTuple, TypeVar

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import Flaw, FlawsError
from lingpai.operating.port import Count, Document, Key, Page
from lingpai.operating.rights import Area, Need
from lingpai.operating.site import Site

R = TypeVar("R")
MOST_ATTEMPTS: Final = 16
"""Attempts of a change that others overtake."""
MOST_COUNTED: Final = 10_000
"""Things of a list that are counted."""
PREFIX: Final[Mapping[str, str]] = {"q": "Only those whose names begin so."}
"""The filter of lists that are ordered by name."""
_PAGE: Final = 500
_ROW_DIGITS: Final = 18


class Action(NamedTuple):
    """An operation on a thing besides changing it.

    Attributes:
        path: what follows the thing's path, or, with `whole`, the path of the list.
        run: does it, by the site, the key and the request's document; returns a document.
        body: the struct that the document has to be.
        summary: one line for the reference.
        verb: the right that it needs.
        whole: whether it is of the list as a whole.
        secret: the name of the secret in the answer, which derives from the request's nonce (`Site.caller_key`), or "";
            several are a document of them by name.
        underived: the name of a secret in the answer that derives from nothing, or "": it is never kept, and a repeated
            request gets null for it.
        area: of the right that it needs; the thing's when None.
        flags: fields of the body that may be in the query instead, as "1".
        most_bytes: of the body, where more than usual is useful; 0 for the usual limit.
    """

    path: str
    run: Callable[[Site, Key, Any], Awaitable[Document]]
    body: type[msgspec.Struct]
    summary: str
    verb: str = "write"
    whole: bool = False
    secret: str = ""
    underived: str = ""
    area: Area | None = None
    flags: tuple[str, ...] = ()
    most_bytes: int = 0


class Streamed(NamedTuple):
    """An operation on a list as a whole that takes or gives rows one after another, however many there are.

    Attributes:
        path: what follows the list's path.
        run: does it, by the site, the key and the rows that come in; yields documents.
        summary: one line for the reference.
        row: the struct of a row that comes in; None when none does.
        verb: the right that it needs.
        areas: of the rights that it needs; the kind's when empty.
        most_bytes: of the rows together; 0 for the usual limit, for rows that are taken as they come.
    """

    path: str
    run: Callable[[Site, Key, AsyncIterator[Document]], AsyncGenerator[Document, None]]
    summary: str
    row: type[msgspec.Struct] | None = None
    verb: str = "write"
    areas: tuple[Area, ...] = ()
    most_bytes: int = 0


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body without fields."""


class Resource(Generic[R]):
    """A kind of things. Subclasses say what differs; what cannot be done with theirs they leave out of `methods`.

    Attributes:
        kind: its name, which the port and the CLI use.
        path: of one thing under `/admin/v1`; `{field}`s are its key.
        area: of the rights that it needs.
        methods: of one thing: some of GET, PUT, PATCH, DELETE.
        listed: whether there is a list.
        filters: names of the filters of the list, with what each means.
        entry: the struct of documents that come in, without the key.
        written: names of fields that come in and never out.
        made: names of secrets that a change may make.
        noun: for the reference.
        actions: by name.
        streams: by name.
    """

    kind: ClassVar[str]
    path: ClassVar[str]
    area: ClassVar[Area]
    noun: ClassVar[str]
    methods: ClassVar[tuple[str, ...]] = ("GET", "PUT", "PATCH", "DELETE")
    listed: ClassVar[bool] = True
    filters: ClassVar[Mapping[str, str]] = {}
    entry: ClassVar[type[Any]] = Nothing
    written: ClassVar[tuple[str, ...]] = ()
    made: ClassVar[tuple[str, ...]] = ()
    actions: ClassVar[Mapping[str, Action]] = {}
    streams: ClassVar[Mapping[str, Streamed]] = {}

    @property
    def list_path(self) -> str:
        """The path of the list: that of a thing up to what names it within its realm, or within everything."""
        head, _, _ = self.path.partition(f"/{self.kind}/")
        return f"{head}/{self.kind}"

    @property
    def of_realm(self) -> bool:
        """True when the first part of a key is a realm that the things belong to."""
        return self.path.startswith("/realms/{realm}/")

    def need(self, key: Key, verb: str, area: Area | None = None) -> Need:
        """Return the right that a call needs, in another area than the kind's when `area` is given."""
        return Need(area or self.area, verb, key[0] if self.of_realm and key else "")

    def needs(self, action: Action, key: Key, document: Document) -> tuple[Need, ...]:
        """Return the rights that an action needs, with the document that it is given."""
        del document
        return (self.need(key, action.verb, action.area),)

    def stream_needs(self, streamed: Streamed, key: Key) -> tuple[Need, ...]:
        """Return the rights that an operation on rows needs."""
        return tuple(self.need(key, streamed.verb, area) for area in streamed.areas or (self.area,))

    async def find(self, site: Site, key: Key) -> R | None:
        """Return the thing of this key, or None."""
        raise NotImplementedError

    def key_of(self, site: Site, record: R) -> Key:
        """Return the key of a record."""
        raise NotImplementedError

    async def document(self, site: Site, record: R) -> Document:
        """Return what is shown of a thing."""
        raise NotImplementedError

    async def shown(self, site: Site, record: R) -> Document:
        """Return what is shown of a thing that is read alone."""
        return await self.document(site, record)

    def state(self, site: Site, record: R) -> Any:
        """Return what the entity tag is made of: everything that a change may change."""
        del site
        return record

    def settable(self, record: R) -> Document:
        """Return the fields that can be set, as they come in, without those that never come out."""
        raise NotImplementedError

    async def build(self, site: Site, key: Key, entry: Any, known: R | None) -> R:
        """Return the record that an entry describes.

        Raises:
            FlawsError: with all that is wrong.
        """
        raise NotImplementedError

    def changed(self, known: R, wanted: R) -> tuple[str, ...]:
        """Return the names of the fields that differ."""
        raise NotImplementedError

    async def save(self, site: Site, known: R | None, wanted: R) -> Mapping[str, str] | None:
        """Add a thing, or change one that still is as `known`.

        Args:
            site: acts for the operator.
            known: what was read; None for a new thing.
            wanted: what it is to be.

        Returns:
            Secrets that were made, by name; None when somebody else was faster.
        """
        raise NotImplementedError

    async def remove(self, site: Site, known: R) -> bool:
        """Remove a thing. False when it is gone already."""
        raise NotImplementedError

    async def remove_known(self, site: Site, known: R) -> bool:
        """Remove a thing that still is as `known`, checked in the transaction that removes it. False when it is not.

        Kinds that do not say otherwise are removed as `remove` does.
        """
        return await self.remove(site, known)

    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        """Return a page of the list."""
        raise NotImplementedError

    async def count(self, site: Site, key: Key, wanted: Mapping[str, str]) -> Count:
        """Return how many things the list has, up to `MOST_COUNTED`."""
        number, after = 0, ""
        while number < MOST_COUNTED:
            page = await self.page(site, key, wanted, after, _PAGE)
            number, after = number + len(page.items), page.next
            if page.partial or not after:
                return Count(number, page.partial)
        return Count(min(number, MOST_COUNTED), more=True)

    def secret_again(self, site: Site, key: Key, kept: Document) -> Any:
        """Return the secret that an action made from the nonce that `site` has; `kept` is the rest of its answer."""
        raise NotImplementedError

    def missing(self, key: Key) -> LingpaiError:
        """Return the error for a thing that does not exist."""
        return LingpaiError(Kind.NOT_FOUND, f"There is no {self.noun} {'/'.join(key)}.")

    def read_entry(self, document: Document, shown: frozenset[str] = frozenset()) -> Any:
        """Return a document as an entry; what is only shown may be in it, and does not count.

        Raises:
            FlawsError: a field is unknown or of another type.
        """
        given = {name: value for name, value in document.items() if name not in shown}
        return convert(given, self.entry)


def convert(given: Document, kind: type[Any]) -> Any:
    """Return a document as a struct.

    Raises:
        FlawsError: a field is unknown, missing or of another type.
    """
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`").partition(".")[0].partition("[")[0]
        if not field and "`" in text:  # of an unknown or a missing field
            field = text.split("`")[1]
        raise FlawsError([Flaw(field, f"This is not valid: {text}.")]) from error


def row_of(text: str) -> int | None:
    """Return the row that a part of a path names, or None when it is no number of a row."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _ROW_DIGITS else None


def number_of(wanted: Mapping[str, str], name: str) -> int | None:
    """Return the number that a filter has, or None when it is not given.

    Raises:
        LingpaiError: INVALID_PARAMETER: it is no number.
    """
    text = wanted.get(name, "")
    if not text:
        return None
    number = row_of(text)
    if number is None:
        raise LingpaiError(Kind.INVALID_PARAMETER, "A whole number is needed.", parameter=name)
    return number


def sliced(items: list[tuple[str, Document]], after: str, limit: int, prefix: str = "") -> Page:
    """Return a page of a list that is short enough to be read whole, ordered by the names of its items.

    Args:
        items: names and documents, in any order.
        after: the name before the page, or "".
        limit: how many at most.
        prefix: only names that begin so.
    """
    rest = sorted(
        (each for each in items if each[0] > after and each[0].startswith(prefix)), key=lambda each: each[0]
    )
    more = len(rest) > limit
    return Page([document for _, document in rest[:limit]], rest[limit - 1][0] if more else "")
