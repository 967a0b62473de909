"""The registry of platforms: ours, a line each, and those of other packages.

Another package adds a platform by an entry point of the group `lingpai.platforms` whose object is a `PlatformType`:

    [project.entry-points."lingpai.platforms"]
    toy = "lingpai_toy:TOY"

A program of its own may call `PLATFORMS.register` instead, before it imports `lingpai.settings`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lingpai.core.plugins import Registry

if TYPE_CHECKING:
    from lingpai.keeper.platforms.platform_type import PlatformType

PLATFORMS: Final["Registry[PlatformType]"] = Registry(
    "platform",
    "lingpai.platforms",
    "lingpai.keeper.platforms.platform_type:PlatformType",
    (
        "lingpai.keeper.platforms.wechat:WECHAT",
        "lingpai.keeper.platforms.wecom:WECOM",
        "lingpai.keeper.platforms.yzb:YZB",
        "lingpai.keeper.platforms.yilianyun:YILIANYUN",
    ),
)


def platform_types() -> Mapping[str, "PlatformType"]:
    """Return every platform by name; see `Registry.all`."""
    return PLATFORMS.all()
