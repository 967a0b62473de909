"""The registry of platforms: ours, a line each, those of other packages, and those that operators describe.

Another package adds a platform by an entry point of the group `lingpai.platforms` whose object is a `PlatformType`:

    [project.entry-points."lingpai.platforms"]
    toy = "lingpai_toy:TOY"

A program of its own may call `PLATFORMS.register` instead, before it imports `lingpai.settings`.
"""

from collections.abc import Iterator, Mapping
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
        "lingpai.keeper.platforms.wechat_component:WECHAT_COMPONENT",
        "lingpai.keeper.platforms.wecom_suite:WECOM_SUITE",
        "lingpai.keeper.platforms.yzb:YZB",
        "lingpai.keeper.platforms.yilianyun:YILIANYUN",
    ),
    further="lingpai.keeper.platforms.registry:further",
)

DESCRIBED: Final = ("feishu", "dingtalk", "douyin", "douyin_mini", "qq_mini", "baidu")
"""Those of ours that a file in `described/` describes, a line each."""


def further() -> Iterator["PlatformType"]:
    """Yield what files without code describe: ours, then the operator's (docs/how-to/platforms.md)."""
    from lingpai.keeper.platforms.declared import loading  # noqa: PLC0415  which imports the platforms' settings

    yield from map(loading.described, DESCRIBED)
    yield from loading.operators()


def platform_types() -> Mapping[str, "PlatformType"]:
    """Return every platform by name; see `Registry.all`."""
    return PLATFORMS.all()
