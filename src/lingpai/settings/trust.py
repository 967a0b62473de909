"""What the settings say of trust, looked at together."""

from lingpai.core.addresses import overlaps
from lingpai.settings.model import Settings


def trusted_twice(settings: Settings) -> list[tuple[str, str]]:
    """Trusted networks and trusted proxies that have addresses in common, a pair of CIDR blocks each.

    What comes from such an address is a proxy's, so it is either somebody else's request or nobody's.
    """
    return overlaps(settings.keeper.trusted_networks, settings.edge.trusted_proxies)
