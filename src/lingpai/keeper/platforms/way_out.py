"""The way out to a platform: its proxy, source address, trusted certificates and timeout."""

import dataclasses
from typing import Final

DIRECT: Final = "direct"
"""As `WayOut.proxy`: by none, whatever the environment says."""
SOCKS: Final = ("socks5", "socks5h")
PROXY_SCHEMES: Final = ("http", "https", *SOCKS)


@dataclasses.dataclass(frozen=True, slots=True)
class WayOut:
    """An operator's settings of the way out to one platform.

    Attributes:
        setting: name of the group of settings, such as "wechat".
        proxy: address of a proxy; `DIRECT`; or "" for what the environment says.
        ca_bundle: file with the certificate authorities that are trusted instead of the system's, or "".
        source_address: of this machine, from which connections are made, or "" for any.
        timeout: seconds for a whole call of ours; None for the usual ones.
    """

    setting: str = ""
    proxy: str = ""
    ca_bundle: str = ""
    source_address: str = ""
    timeout: float | None = None


ANY_WAY: Final = WayOut()
