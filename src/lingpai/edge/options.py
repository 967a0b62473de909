"""The options of the edge, as one value."""

import dataclasses
from ipaddress import IPv4Network, IPv6Network

KIB = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class EdgeOptions:
    """Limits and trust of the edge.

    Attributes:
        name: distinguishes the apps of one process in metrics.
        body_limit: bytes of a request body; more is BODY_TOO_LARGE.
        body_timeout: seconds in which a body must have arrived; else REQUEST_TIMEOUT.
        parameter_limit: how many parameters one place (query, form, JSON object) may have.
        value_limit: characters of one parameter's value.
        trusted_proxies: networks whose `X-Forwarded-For` is believed; empty trusts nobody.
        trusted_unix: whether the same goes for what connects by a Unix socket.
        log_successes: whether requests that went well are logged too (level debug); errors always are.
        stop_timeout: seconds that each `on_stop` callable may take.
    """

    name: str = "lingpai"
    body_limit: int = 64 * KIB
    body_timeout: float = 10.0
    parameter_limit: int = 100
    value_limit: int = 8 * KIB
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    trusted_unix: bool = False
    log_successes: bool = False
    stop_timeout: float = 10.0
