"""Signing pages for the JS-SDKs (docs/spec/platforms.md). The ticket never leaves the server."""

import hashlib
import secrets
from urllib.parse import urlsplit

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.app import App
from lingpai.keeper.context import log
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.forms import JSAPI, SignRecipe

MAX_URL = 2048


class PageSignature(msgspec.Struct, frozen=True):
    """The parameters of the platform's script, such as `wx.config`.

    `timestamp` is unix time in seconds, or in milliseconds where the platform's recipe says so.
    """

    app_id: str
    noncestr: str
    timestamp: int
    signature: str


def signature_of(ticket: str, noncestr: str, timestamp: int, url: str, recipe: SignRecipe = JSAPI) -> str:
    """Return the signature as lower-case hex: the recipe's hash of the four values in its order."""
    text = recipe.text.format(ticket=ticket, nonce=noncestr, timestamp=timestamp, url=recipe.page(url))
    return hashlib.new(recipe.digest, text.encode(), usedforsecurity=False).hexdigest()


async def sign_page(keeper: Keeper, app: App, sign_kind: str, url: str) -> PageSignature:
    """Sign the page at `url` with the app's live ticket.

    Args:
        keeper: the keeper.
        app: for whom; the caller has the right `sign`.
        sign_kind: one of the platform's, such as "config" for `wx.config`.
        url: the page's own, as the browser shows it; a fragment is cut off.

    Raises:
        LingpaiError: INVALID_PARAMETER or FOREIGN_URL for the url; and as `Credentials.get_or_fetch`
            when there is no ticket to sign with.
    """
    demand_own_page(url, app.domains)
    if "&amp;" in url:  # as HTML writes it; the browser's own address, which the platform compares, has none
        log.warning("url_escaped_for_html", app=app.logged_name)
    ticket = current_of(await keeper.credentials.get_or_fetch(app, app.platform.sign_kinds[sign_kind])).value
    noncestr = secrets.token_hex(8)
    timestamp = int(keeper.clock.now() * (1000 if app.platform.recipe.milliseconds else 1))
    keeper.audit.count(app.asker, app.logged_name, "sign")
    signature = signature_of(ticket, noncestr, timestamp, url, app.platform.recipe)
    return PageSignature(app.account, noncestr, timestamp, signature)


def demand_own_page(url: str, domains: tuple[str, ...]) -> None:
    """Refuse a url that is no page of the app.

    Args:
        url: absolute, http or https.
        domains: exact host names, `host:port`, or `*.example.com` for every name below; empty means any host.

    Raises:
        LingpaiError: INVALID_PARAMETER or FOREIGN_URL.
    """
    if len(url) > MAX_URL or not url.isprintable() or " " in url or "\\" in url:
        raise LingpaiError(Kind.INVALID_PARAMETER, "url is not the address of a page.", parameter="url")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "url is not the address of a page.", parameter="url"
        ) from error
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "url must be an absolute http or https address.", parameter="url"
        )
    if domains and not any(_matches(host, port, domain.lower()) for domain in domains):
        raise LingpaiError(
            Kind.FOREIGN_URL, f"{host} is not one of this app's domains; `lingpai account show` lists them."
        )


def _matches(host: str, port: int | None, domain: str) -> bool:
    if domain.startswith("*."):
        return host.endswith(domain[1:])
    return domain in (host, f"{host}:{port}")
