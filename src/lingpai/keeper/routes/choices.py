"""Parameters by which callers of the generic routes choose: a platform, one of several secrets, a kind."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.routes import texts

PlatformName = Annotated[str, msgspec.Meta(max_length=32, description=texts.PLATFORMS)]
Label = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        description="which of several secrets of the account; not needed where the caller key covers only one",
    ),
]


def platform_of(keeper: Keeper, name: str) -> Platform:
    """Return the platform of this name.

    Raises:
        LingpaiError: INVALID_PARAMETER when there is none.
    """
    platform = keeper.platforms.get(name)
    if platform is None:
        known = ", ".join(keeper.platforms)
        raise LingpaiError(
            Kind.INVALID_PARAMETER, f"Unknown platform; known platforms: {known}.", parameter="platform"
        )
    return platform


def demand_choice(parameter: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a value that is none of the choices.

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    if value not in choices:
        raise LingpaiError(
            Kind.INVALID_PARAMETER,
            f"{parameter} must be one of: {', '.join(choices)}.",
            parameter=parameter,
        )
