"""The answers of the admin API's routes as they go on the wire."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from lingpai.core.flaws import Flaw, FlawsError
from lingpai.core.languages import CHINESE, chinese_reasons, preferred
from lingpai.core.wire import JSON, NO_STORE, Call, Reply
from lingpai.operating.port import Count, Document, Item, Page, Saved

ROOT: Final = "/admin/v1"
_encode = msgspec.json.Encoder().encode


def filled(path: str, key: tuple[str, ...]) -> str:
    """Return a path with the parts of a key in the places of its fields."""
    parts = iter(key)
    return "/".join(quote(next(parts), safe="") if each.startswith("{") else each for each in path.split("/"))


def page_reply(page: Page, path: str, query: Mapping[str, str], count: Count | None) -> Reply:
    """Return a page of a list, with a link to the next one (RFC 8288).

    Args:
        page: of the list.
        path: of the list, below `ROOT`, filled.
        query: what the request asked for, without `after`.
        count: how many things the list has, when that was asked for.
    """
    shown: Document = {"items": page.items, "next": page.next or None}
    if page.partial:
        shown["partial"] = True
    if count is not None:
        shown |= {"count": count.number, "more": count.more}
    headers = [NO_STORE]
    if page.next:
        link = f"{ROOT}{path}?{urlencode({**query, 'after': page.next})}"
        headers.append(("link", f'<{link}>; rel="next"'))
    return Reply(_encode(shown), content_type=JSON, headers=tuple(headers))


def item_reply(item: Item, *, known: bool) -> Reply:
    """Return a thing that was read; without its content when the caller knows it."""
    headers = (NO_STORE, ("etag", item.etag))
    if known:
        return Reply(b"", 304, headers=headers)
    return Reply(_encode(item.document), headers=headers)


def saved_reply(saved: Saved) -> Reply:
    """Return a thing after a change, with the secrets that the change made."""
    shown = {**saved.item.document, **saved.secrets}
    changed = "true" if saved.created or saved.changed else "false"
    headers = (
        *(NO_STORE, ("etag", saved.item.etag), ("lingpai-changed", changed)),
        ("lingpai-fields", ",".join(saved.changed)),
    )
    return Reply(_encode(shown), 201 if saved.created else 200, headers=headers)


def in_their_language(verb: Callable[[Any, Call], Awaitable[Any]]) -> Callable[[Any, Call], Awaitable[Any]]:
    """Return a verb whose flaws are in the caller's language; the edge sees to every other reason."""

    async def run(params: Any, call: Call) -> Any:
        try:
            return await verb(params, call)
        except FlawsError as error:
            if preferred(call.header("accept-language")) != CHINESE:
                raise
            say = chinese_reasons().translate
            raise FlawsError(Flaw(flaw.field, say(flaw.text)) for flaw in error.flaws) from error

    return run
