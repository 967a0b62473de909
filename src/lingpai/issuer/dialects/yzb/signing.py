"""Pages that sign with a ticket: the signature, whose page it is, and the proof of it (contracts/yzb.md, "JS …")."""

import hashlib
import hmac
from urllib.parse import urlsplit

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yzb.policy import PAGE_PROOF
from lingpai.issuer.verbs.tickets import live_tickets


class SignedPage(msgspec.Struct, frozen=True):
    """What a page gave to `core.config`; `origin` as its browser vouches for it, `timestamp` in digits."""

    url: str
    origin: str
    timestamp: str
    nonce_str: str
    signature: str


def pure_url(url: str) -> str:
    """The address that is signed: without fragment and query, then without one trailing slash."""
    return url.partition("#")[0].partition("?")[0].removesuffix("/")


def signature_of(ticket: str, nonce_str: str, timestamp: str, url: str) -> str:
    """The signature of a page as lower-case hex of a SHA-1."""
    text = f"js_ticket={ticket}&nonce_str={nonce_str}&timestamp={timestamp}&url={pure_url(url)}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


async def verify_page(issuer: Issuer, app: App, page: SignedPage) -> str:
    """Verify what `core.config` was given; returns the proof that lets the page ask for codes.

    Raises:
        LingpaiError: INVALID_PARAMETER when the url is not an address of that origin, WRONG_REDIRECT_URI when
            the origin is not one of the app's domains, BAD_SIGNATURE when no live ticket made the signature.
    """
    if origin_of(page.url) != page.origin:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "parameter url is not the page's own address", parameter="url"
        )
    check_origin(app, page.origin)
    tickets = await live_tickets(issuer, app)
    given = page.signature.encode()
    made = (signature_of(ticket, page.nonce_str, page.timestamp, page.url).encode() for ticket in tickets)
    if not any(hmac.compare_digest(given, each) for each in made):
        raise LingpaiError(Kind.BAD_SIGNATURE, "No live ticket of the app made this signature.")
    return _proof(issuer, app, page.origin, issuer.now() + PAGE_PROOF)


def check_proof(issuer: Issuer, app: App, origin: str, proof: str) -> None:
    """Refuse a page that was not verified, or whose host was taken off the app's domains since.

    Raises:
        LingpaiError: BAD_SIGNATURE, WRONG_REDIRECT_URI.
    """
    ends_at = proof.partition(".")[0]
    good = ends_at.isascii() and ends_at.isdigit() and int(ends_at) > issuer.now()
    if not good or not hmac.compare_digest(
        _proof(issuer, app, origin, int(ends_at)).encode(), proof.encode()
    ):
        raise LingpaiError(Kind.BAD_SIGNATURE, "The page was not verified.")
    check_origin(app, origin)


def check_origin(app: App, origin: str) -> None:
    """Refuse an origin whose host is not one of the app's domains; without any, no page may use the bridge.

    A domain is a host, `host:port`, or `*.example.com` for every host below.

    Raises:
        LingpaiError: WRONG_REDIRECT_URI: it is where a code would go.
    """
    netloc = urlsplit(origin).netloc if origin_of(origin) == origin else ""
    host = urlsplit(origin).hostname if netloc else None
    if host is None or not any(_matches(host, netloc, domain.lower()) for domain in app.domains):
        raise LingpaiError(Kind.WRONG_REDIRECT_URI, "The page is not on the app's domain list.")


def origin_of(url: str) -> str | None:
    """The origin of a page as browsers write it (RFC 6454 §6.2), or None when the url is not a page's."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = port in {None, {"http": 80, "https": 443}[parts.scheme]}
    return f"{parts.scheme}://{host}" + ("" if usual else f":{port}")


def _matches(host: str, netloc: str, domain: str) -> bool:
    if domain.startswith("*."):
        return host.endswith(domain[1:])
    return domain in {host, netloc}


def _proof(issuer: Issuer, app: App, origin: str, ends_at: int) -> str:
    digest: bytes = issuer.digest_other(f"yzb page {app.app_id} {origin} {ends_at}")
    return f"{ends_at}.{digest.hex()}"
