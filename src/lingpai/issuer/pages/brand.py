"""The brand of a realm's pages: name, logo, colour, links, and words for scopes of its own."""

import functools
import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from lingpai.design.colours import accents
from lingpai.design.sheets import style

Words = Mapping[str, str]
"""A text by language, `en` and `zh`; empty for none."""
_TITLE: Final = "Lingpai 令牌"
_KINDS: Final[Mapping[str, tuple[bytes, bytes]]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n", b""),
    "image/jpeg": (b"\xff\xd8\xff", b""),
    "image/webp": (b"RIFF", b"WEBP"),
}
"""The first bytes of a file of each type, and the bytes behind the next four."""


class Logo(msgspec.Struct, frozen=True):
    """An image: its bytes, and their media type."""

    content: bytes
    kind: str

    @property
    def name(self) -> str:
        """The name of its file, with a digest of its content."""
        return f"logo.{_digest(self.content)}.{self.kind.rpartition('/')[2]}"


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    """The brand in the settings of a realm.

    Attributes:
        title: the platform's name for users.
        logo: shown beside it, or None.
        colour: `#rrggbb`, or "" for the usual accents.
        terms: address of the terms of use.
        privacy: address of the privacy policy.
        scopes: what each scope lets an app do, in the words of the consent page.
    """

    title: Words = {}
    logo: Logo | None = None
    colour: str = ""
    terms: Words = {}
    privacy: Words = {}
    scopes: Mapping[str, Words] = {}

    def title_in(self, language: str) -> str:
        """Return the platform's name in a language."""
        return self.title.get(language, _TITLE)

    def links_in(self, language: str) -> dict[str, str]:
        """Return the addresses that every page links to, by what they are of."""
        given = {"terms": self.terms.get(language), "privacy": self.privacy.get(language)}
        return {name: address for name, address in given.items() if address}

    @property
    def style(self) -> bytes:
        """The style sheet of the pages."""
        return _style(self.colour)

    @property
    def style_name(self) -> str:
        """The name of its file, with a digest of its content."""
        return f"style.{_digest(self.style)}.css"


def logo_kind(content: bytes) -> str | None:
    """Return the media type of an image, None when it is of no known one."""
    for kind, (first, later) in _KINDS.items():
        if content.startswith(first) and content[len(first) + 4 :].startswith(later):
            return kind
    return None


@functools.cache
def _style(colour: str) -> bytes:
    return (style("forms") + (accents(colour) if colour else "")).encode()


@functools.cache
def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
