"""The registry of platforms: ours, a line each, and those of other packages.

Another package adds a platform by an entry point of the group `lingpai.platforms` whose object is a `PlatformType`:

    [project.entry-points."lingpai.platforms"]
    toy = "lingpai_toy:TOY"

A program of its own may call `register` instead, before it imports `lingpai.settings`.
"""

import functools
import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingpai.keeper.platforms.platform_type import PlatformType

GROUP = "lingpai.platforms"

_BUILT_IN = (
    "lingpai.keeper.platforms.wechat:WECHAT",
    "lingpai.keeper.platforms.wecom:WECOM",
    "lingpai.keeper.platforms.yzb:YZB",
    "lingpai.keeper.platforms.yilianyun:YILIANYUN",
)

_registered: dict[str, "PlatformType"] = {}


class PlatformError(Exception):
    """A platform of another package cannot be used; the message names it."""


def register(platform: "PlatformType") -> None:
    """Add a platform of this process's own.

    Raises:
        PlatformError: its name is taken.
    """
    if platform.name in platform_types():
        raise PlatformError(f"There are two platforms of the name {platform.name}.")
    _registered[platform.name] = platform
    platform_types.cache_clear()


def unregister(name: str) -> None:
    """Remove a platform that `register` added."""
    del _registered[name]
    platform_types.cache_clear()


@functools.cache
def platform_types() -> Mapping[str, "PlatformType"]:
    """Return every platform by name: ours first, then those of other packages by name, then registered ones.

    Raises:
        PlatformError: an entry point cannot be loaded, is no `PlatformType`, or has a name that is taken.
    """
    found = {each.name: each for each in map(_load, _BUILT_IN)}
    foreign = [_load_foreign(each) for each in sorted(entry_points(group=GROUP), key=lambda each: each.name)]
    for each in (*foreign, *_registered.values()):
        if each.name in found:
            raise PlatformError(f"There are two platforms of the name {each.name}.")
        found[each.name] = each
    return found


def _load(target: str) -> "PlatformType":
    module, _, name = target.partition(":")
    platform: PlatformType = getattr(importlib.import_module(module), name)
    return platform


def _load_foreign(entry: EntryPoint) -> "PlatformType":
    from lingpai.keeper.platforms.platform_type import PlatformType  # noqa: PLC0415  names are cheap, types are not

    try:
        platform = entry.load()
    except Exception as error:
        raise PlatformError(f"The platform {entry.name} ({entry.value}) cannot be loaded: {error}") from error
    if not isinstance(platform, PlatformType):
        raise PlatformError(f"The platform {entry.name} ({entry.value}) is no PlatformType.")
    return platform
