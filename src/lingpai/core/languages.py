"""The languages that people read: which one a browser prefers, and English texts in Chinese.

The English text is written where it is used, and is the key into a catalogue; what has no entry stays English.
"""

import functools
import re
import tomllib
from collections.abc import Collection, Mapping
from importlib.resources import files

ENGLISH = "en"
CHINESE = "zh"
_FIELD = r"\{(\w+)\}"


def preferred(accept: str | None, known: Collection[str] = (ENGLISH, CHINESE), default: str = ENGLISH) -> str:
    """Return the language that an `Accept-Language` header likes best (RFC 9110 §12.5.4).

    Args:
        accept: the header, or None. Of two with the same weight the first one counts.
        known: the languages to choose from, without regions: `zh-CN` likes `zh`.
        default: the answer when none of them is acceptable.
    """
    liked = [_weighed(entry) for entry in (accept or "").split(",")]
    ranked = [
        (weight, -place, tag) for place, (weight, tag) in enumerate(liked) if tag in known and weight > 0
    ]
    return max(ranked)[2] if ranked else default


def _weighed(entry: str) -> tuple[float, str]:
    tag, _, quality = entry.partition(";")
    try:
        weight = float(quality.strip().removeprefix("q=") or 1)
    except ValueError:
        weight = 0.0
    return weight, tag.strip().partition("-")[0].lower()


class Catalogue:
    """Texts with their translations.

    Args:
        texts: translations by English text. `{name}` in both is replaced by a value. A value
            that is a text of the catalogue is translated itself.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        # Those that say more in fixed words come first.
        by_length = sorted(texts.items(), key=lambda each: -len(re.sub(_FIELD, "", each[0])))
        self._patterns = [(_pattern(text), other) for text, other in by_length if "{" in text]

    def translate(self, text: str) -> str:
        """Return the translation of a text; the text itself when it has none."""
        known = self._texts.get(text)
        if known is not None:
            return known
        for pattern, other in self._patterns:
            found = pattern.fullmatch(text)
            if found is not None:
                values = {name: self.translate(value) for name, value in found.groupdict().items()}
                return other.format(**values)
        return text


@functools.cache
def chinese_reasons() -> Catalogue:
    """The reasons of errors in Chinese."""
    return Catalogue(reasons())


@functools.cache
def reasons() -> dict[str, str]:
    """The reasons of errors, English to Chinese, with `{name}` for values."""
    return read_catalogue("lingpai.core", "reasons.zh.toml")


def read_catalogue(package: str, name: str) -> dict[str, str]:
    """Read a file of texts: `"English" = "Chinese"`, in TOML.

    Args:
        package: the package that it is in.
        name: the file's name.
    """
    return dict(tomllib.loads((files(package) / name).read_text("utf-8")))


def in_language_of(accept: str | None, text: str) -> str:
    """Return the reason of an error in the language that an `Accept-Language` header likes best."""
    return chinese_reasons().translate(text) if preferred(accept) == CHINESE else text


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(_FIELD, text)  # words and names by turns
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts)),
        re.DOTALL,
    )
