"""Check the settings about trust together."""

from lingpai.core.addresses import overlaps
from lingpai.settings.model import Settings
from lingpai.settings.sections import UNIX


def trusted_twice(settings: Settings) -> list[tuple[str, str]]:
    """Return pairs of CIDR blocks, a trusted network and a trusted proxy, with addresses in common.

    A request from such an address comes from a proxy, so the trusted network would give its trust to any client.
    """
    proxies = [each for each in settings.edge.trusted_proxies if each != UNIX]  # no network
    return overlaps(settings.keeper.trusted_networks, proxies)
