"""The settings that every platform has; a platform's file may add its own."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from lingpai.core.setting_types import Section, base_url
from lingpai.keeper.platforms.platform import Platform


def _platform_url(text: str) -> str:
    from lingpai.keeper.platforms.registry import platform_types  # noqa: PLC0415  which imports the platforms' settings

    url = base_url(text)
    for each in platform_types().values():
        for path in _first_segments(each.sample()):
            if f"{path}/" in f"{urlsplit(url).path}/":
                raise ValueError(f"must be what comes before {path}, such as https://api.weixin.qq.com")
    return url


def _first_segments(platform: Platform) -> Iterator[str]:
    """Return what the keeper appends to a platform's address itself, such as `/cgi-bin`."""
    for path in platform.paths:
        yield "/" + path.split("/", 2)[1]


PlatformUrl = Annotated[str, AfterValidator(_platform_url)]


class PlatformSettings(Section):
    """The settings of one platform."""

    base_url: PlatformUrl | None = None
    """Where the platform is; needed once an account of it is configured."""
