"""The console's words, one catalogue per language (`words/*.toml`)."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from lingpai.core.languages import CHINESE, chinese_reasons
from lingpai.design.words import COMMON

CATALOGUES: Final[Mapping[str, Mapping[str, Any]]] = {
    language: {
        **COMMON[language],
        **tomllib.loads((files(__package__) / "words" / f"{language}.toml").read_text("utf-8")),
    }
    for language in ("en", "zh")
}
_UNITS: Final = (86_400, 3600, 60, 1)


def duration(seconds: float | None, language: str) -> str:
    """Return a duration in its two largest units, such as "1 h 12 min"; "–" for None."""
    if seconds is None:
        return "–"
    rest = max(0, int(seconds))
    parts: list[str] = []
    for size, unit in zip(_UNITS, CATALOGUES[language]["units"], strict=True):
        count, rest = divmod(rest, size)
        if count or parts or size == 1:
            parts.append(f"{count} {unit}")
        if len(parts) == 2:  # noqa: PLR2004  the two largest
            break
    return " ".join(part for place, part in enumerate(parts) if not place or not part.startswith("0 "))


def reason_in(language: str, text: str) -> str:
    """Return the reason of an error in a language."""
    return chinese_reasons().translate(text) if language == CHINESE else text
