"""The declaration of a platform: everything that depends on the platform, and nothing elsewhere does."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lingpai.core.wire import Shape
from lingpai.keeper.platforms.drop_in import DropIn
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.platforms.settings import PlatformSettings


class Text(NamedTuple):
    """A text for operators, in both languages; `{address}` is replaced by the address that a refusal names."""

    english: str
    chinese: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlatformType:
    """A kind of upstream platform, before its settings are known.

    Attributes:
        name: as in accounts' names, routes and the group of its settings; lower-case letters and digits.
        account_word: the platform's own word for an app's id, such as "appid".
        settings: its group of settings.
        describe: makes the platform of its settings.
        remedies: what an operator has to do about the platform's error numbers.
        drop_ins: routes in the platform's own form, for SDKs that get another base URL.
        shape: how answers and errors of those routes look.
        prefixes: beginnings of paths whose unknown routes are answered in that shape.
        sandboxed: whether `lingpai sandbox` has an imitation of its own of it.
        samples: secrets by account; with some, the sandbox imitates the platform by its declared calls for these, and
            `lingpai dev` configures them.
        described: whether a file without code describes it.
    """

    name: str
    account_word: str
    settings: type[PlatformSettings]
    describe: Callable[[Any], Platform]
    remedies: Mapping[int, Text] = dataclasses.field(default_factory=dict)
    drop_ins: Sequence[DropIn] = ()
    shape: Shape | None = None
    prefixes: tuple[str, ...] = ()
    sandboxed: bool = False
    samples: Mapping[str, str] = dataclasses.field(default_factory=dict)
    described: bool = False

    def __post_init__(self) -> None:
        """Check what drop-in routes need.

        Raises:
            ValueError: drop-in routes without a shape.
        """
        if self.drop_ins and self.shape is None:
            raise ValueError(f"{self.name}: drop-in routes need a shape")

    def sample(self) -> Platform:
        """Return the platform with default settings: what is the same under all settings, such as its kinds."""
        return self.describe(self.settings())
