"""Pages that sign with a ticket: the signature, whose page it is, and the proof of it (docs/spec/yzb.md)."""

import hashlib
import hmac

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.origins import origin_of
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yzb.policy import PAGE_PROOF
from lingpai.issuer.origins import is_within_domains
from lingpai.issuer.verbs.tickets import live_tickets


class SignedPage(msgspec.Struct, frozen=True):
    """The arguments of a page's `core.config`; `origin` is that of the header, `timestamp` in digits."""

    url: str
    origin: str
    timestamp: str
    nonce_str: str
    signature: str


def pure_url(url: str) -> str:
    """Return the address that is signed: without fragment and query, then without one trailing slash."""
    return url.partition("#")[0].partition("?")[0].removesuffix("/")


def signature_of(ticket: str, nonce_str: str, timestamp: str, url: str) -> str:
    """Return the signature of a page as lower-case hex of a SHA-1."""
    text = f"js_ticket={ticket}&nonce_str={nonce_str}&timestamp={timestamp}&url={pure_url(url)}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


async def verify_page(issuer: Issuer, app: App, page: SignedPage) -> str:
    """Verify the arguments of `core.config`, and return the proof that lets the page request codes.

    Raises:
        LingpaiError: INVALID_PARAMETER when the url is not an address of that origin, WRONG_REDIRECT_URI when
            the origin is not one of the app's domains, BAD_SIGNATURE when no valid ticket made the signature.
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
    """Refuse a page that was not verified, or whose host was removed from the app's domains since.

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

    Raises:
        LingpaiError: WRONG_REDIRECT_URI: it is where a code would go.
    """
    if not is_within_domains(origin, app.domains):
        raise LingpaiError(Kind.WRONG_REDIRECT_URI, "The page is not on the app's domain list.")


def _proof(issuer: Issuer, app: App, origin: str, ends_at: int) -> str:
    digest: bytes = issuer.digest_other(f"yzb page {app.app_id} {origin} {ends_at}")
    return f"{ends_at}.{digest.hex()}"
