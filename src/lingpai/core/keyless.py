"""Limits on requests without a key or a secret, although their network is trusted."""

from lingpai.core.browsers import looks_like_browser
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.hosts import Hosts
from lingpai.core.wire import Call


def demand_program(call: Call, hosts: Hosts) -> None:
    """Refuse a request that a web page may have made a browser send.

    Args:
        call: a request that carries neither a key nor a secret.
        hosts: the names by which such requests may address this service.

    Raises:
        LingpaiError: NOT_ALLOWED when it addresses the service by another name, or looks like a browser's.
    """
    if not hosts.includes(call.header("host")):
        raise LingpaiError(
            Kind.NOT_ALLOWED,
            "Without a key, address this service by an IP address, localhost, a name of one label, or a name in the "
            "setting edge.hosts.",
            detail="foreign host",
        )
    if looks_like_browser(call.headers):
        raise LingpaiError(
            Kind.NOT_ALLOWED,
            "Browsers get no access by network, because any web page can make them send "
            "requests. Send a caller key, or use a program.",
            detail="browser",
        )


def is_program(call: Call, hosts: Hosts) -> bool:
    """Return whether `demand_program` allows the request."""
    return hosts.includes(call.header("host")) and not looks_like_browser(call.headers)


def demand_unsafe_method(call: Call) -> None:
    """Refuse a GET or HEAD without a key that changes something: any page can send those, as an image.

    Raises:
        LingpaiError: NOT_ALLOWED.
    """
    if call.safe:
        raise LingpaiError(
            Kind.NOT_ALLOWED,
            "Send this by POST, or with the app's secret or a caller key: GET without either changes nothing.",
            detail="safe method",
        )
