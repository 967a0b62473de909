"""The names by which the admin listener is addressed (DNS rebinding)."""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.hosts import Hosts
from lingpai.core.wire import Call


def demand_own_host(call: Call, hosts: Hosts) -> None:
    """Refuse a request under another host name.

    Args:
        call: the request.
        hosts: the names.

    Raises:
        LingpaiError: NOT_ALLOWED.
    """
    if not hosts.includes(call.header("host")):
        raise LingpaiError(Kind.NOT_ALLOWED, "The admin API is not served under this host name.")
