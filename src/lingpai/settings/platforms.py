"""The groups of settings that the platforms' files declare, one for each platform."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, create_model

from lingpai.keeper.platforms.registry import platform_types

if TYPE_CHECKING:

    class PlatformGroups(BaseModel):
        """A field for each platform, by its name."""

else:
    PlatformGroups = create_model(
        "PlatformGroups",
        **{name: (each.settings, each.settings()) for name, each in platform_types().items()},
    )
