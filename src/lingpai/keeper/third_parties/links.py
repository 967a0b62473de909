"""Links by which merchants begin: signed by this service, good for a time or once."""

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlencode

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.seals import Digester
from lingpai.keeper.app import App
from lingpai.keeper.context import Context

LONGEST: Final = 366 * 86_400.0
_ONCE: Final = "1"


def link_of(context: Context, provider: App, next_url: str, lasting: float, *, once: bool) -> str:
    """Return the address of our page for a merchant.

    Args:
        context: the keeper's.
        provider: the third-party platform.
        next_url: where to lead the merchant afterwards, or "".
        lasting: seconds for which it works.
        once: whether it works once.
    """
    ends_at = int(context.clock.now() + min(lasting, LONGEST))
    body = f"{ends_at}.{_ONCE if once else 0}.{secrets.token_hex(8)}"
    query = {"link": f"{body}.{_mac(context, provider, body, next_url)}"}
    if next_url:
        query["next"] = next_url
    path = f"/authorize/{provider.platform.name}/{provider.account}"
    return f"{context.options.origin}{path}?{urlencode(query)}"


@contextlib.asynccontextmanager
async def entering(context: Context, provider: App, link: str, next_url: str) -> AsyncIterator[None]:
    """Begin a visit by a link; one that works once is used up, unless what is within fails.

    Raises:
        LingpaiError: NOT_ALLOWED, as `read_link`, or when the link was used.
    """
    if not read_link(context, provider, link, next_url):
        yield
        return
    role, holder = f"link {context.digest_code(link).hex()} {provider.subject}", secrets.token_hex(8)
    if not await context.store.lead(role, holder, LONGEST):
        raise _refused()
    try:
        yield
    except BaseException:
        await asyncio.shield(context.store.resign(role, holder))
        raise


def read_link(context: Context, provider: App, link: str, next_url: str) -> bool:
    """Return whether a link works once.

    Refuses a visit without a link of ours, where the operator wants links to be signed; any other link is checked.

    Raises:
        LingpaiError: NOT_ALLOWED.
    """
    if not link and context.options.authorize_links == "open":
        return False
    body, _, mac = link.rpartition(".")
    expected = _mac(context, provider, body, next_url)
    if not hmac.compare_digest(expected.encode(), mac.encode("utf-8", "surrogatepass")):
        raise _refused()
    ends_at, once, _ = body.split(".")
    if float(ends_at) <= context.clock.now():
        raise _refused()
    return once == _ONCE


def _refused() -> LingpaiError:
    return LingpaiError(Kind.NOT_ALLOWED, "This link has ended, was used, or is not one of this service.")


def _mac(context: Context, provider: App, body: str, next_url: str) -> str:
    return Digester(context.ring, "merchant link")(f"{provider.name} {body} {next_url}").hex()
