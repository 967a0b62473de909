"""Accents from one colour of an operator's: changed as far as it takes to be read in both schemes (WCAG 2.2, 1.4.3)."""

import functools
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final, NamedTuple

READABLE: Final = 4.5
"""Least contrast of text (WCAG 2.2, 1.4.3)."""
_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
_TOKEN: Final = re.compile(r"--([a-z-]+): (#[0-9a-f]{6})")
_WASH, _STRONG, _STEP = 0.1, 0.25, 0.02
_DARK: Final = 0.04045
"""Where the transfer function of sRGB is linear (IEC 61966-2-1)."""
_BLACK: Final = "#000000"
_WHITE: Final = "#ffffff"


class _Scheme(NamedTuple):
    """The background of text and accents in a scheme, and the colour towards which its accents are moved."""

    surfaces: tuple[str, ...]
    towards: str


def accents(colour: str) -> str:
    """Return a style sheet that puts accents of this colour over those of the tokens.

    Args:
        colour: `#rrggbb`.

    Raises:
        ValueError: it is not written so.
    """
    if not _HEX.fullmatch(colour):
        raise ValueError("a colour is written as #rrggbb")
    light, dark = (_rules(colour, scheme) for scheme in _schemes())
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _rules(colour: str, scheme: _Scheme) -> str:
    """Move a colour towards the scheme's end until it can be read on each surface, and on its own wash."""
    share = 0.0
    while True:
        accent = _mix(colour, scheme.towards, share)
        wash = _mix(scheme.surfaces[0], accent, _WASH)
        if share >= 1 or all(contrast(accent, each) >= READABLE for each in (*scheme.surfaces, wash)):
            break
        share = min(1.0, share + _STEP)
    strong = _mix(accent, scheme.towards, _STRONG)
    on = max((_WHITE, _BLACK), key=lambda each: min(contrast(each, accent), contrast(each, strong)))
    found = {"accent": accent, "accent-strong": strong, "on-accent": on, "wash": wash}
    return " ".join(f"--{name}: {value};" for name, value in found.items())


@functools.cache
def _schemes() -> tuple[_Scheme, _Scheme]:
    """The light and the dark scheme, as the tokens have them."""
    text = (files(__package__) / "styles" / "tokens.css").read_text("utf-8")
    light, dark = (dict(_TOKEN.findall(part)) for part in text.split("@media"))
    return _Scheme(_surfaces(light), _BLACK), _Scheme(_surfaces(dark), _WHITE)


def _surfaces(tokens: Mapping[str, str]) -> tuple[str, ...]:
    return tokens["card"], tokens["paper"], tokens["sunk"]


def _mix(first: str, second: str, share: float) -> str:
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(one + (other - one) * share):02x}" for one, other in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= _DARK else ((value + 0.055) / 1.055) ** 2.4
