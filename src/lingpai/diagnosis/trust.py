"""Checks of whom the settings trust."""

from lingpai.messages.translating import tr
from lingpai.operating.findings import Finding
from lingpai.settings import Settings
from lingpai.settings.trust import trusted_twice


def check_trust(settings: Settings) -> list[Finding]:
    """Check that no network of callers contains a proxy."""
    found = ", ".join(f"{network} / {proxy}" for network, proxy in trusted_twice(settings))
    if not found:
        return []
    return [
        Finding(
            "settings",
            "keeper.trusted_networks",
            "warn",
            tr("edge.trusted_proxies and keeper.trusted_networks overlap: {pairs}.", pairs=found),
            tr(
                "Name only the proxies' own addresses in edge.trusted_proxies, and remove them "
                "from keeper.trusted_networks; requests from there need a key then."
            ),
        )
    ]
