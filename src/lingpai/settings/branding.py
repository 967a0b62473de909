"""What the pages of a realm show of the operator: settings, and the file of the logo."""

from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lingpai.core.names import hides
from lingpai.core.setting_types import ScopeWord, Section
from lingpai.issuer.pages.brand import Brand, Logo, logo_kind

LANGUAGES = ("en", "zh")
LOGO_BYTES = 100 * 1024
"""Most bytes of a logo: every visitor loads it."""
_LONGEST = 200


def _in_each(given: Any) -> Any:
    """Take one text for all languages; where a language is missing, the other is used."""
    if isinstance(given, str):
        return dict.fromkeys(LANGUAGES, given) if given else {}
    if isinstance(given, dict) and given:
        if not given.keys() <= set(LANGUAGES):
            raise ValueError("must be one text, or a table with the languages en and zh")
        first = next(iter(given.values()))
        return {**dict.fromkeys(LANGUAGES, first), **given}
    return given


def _plain(texts: dict[str, str]) -> dict[str, str]:
    for text in texts.values():
        if not text.strip() or len(text) > _LONGEST or hides(text):
            raise ValueError(
                f"must be 1 to {_LONGEST} characters, without control, zero-width and direction characters"
            )
    return texts


def _links(addresses: dict[str, str]) -> dict[str, str]:
    for address in addresses.values():
        parts = urlsplit(address)
        if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be an https:// address, such as https://shop.example/terms")
        if not address.isascii() or not address.isprintable() or " " in address:
            raise ValueError("must be written in ASCII, without blanks")
    return addresses


_ByLanguage = Annotated[dict[str, str], BeforeValidator(_in_each)]
Texts = Annotated[_ByLanguage, AfterValidator(_plain)]
Links = Annotated[_ByLanguage, AfterValidator(_links)]


class BrandSection(Section):
    """How the login and consent pages of a realm show who you are.

    A text or address may be one for both languages, or a table: `title = { en = "Example", zh = "示例" }`.
    """

    title: Texts = {}  # noqa: RUF012  pydantic copies it
    """Your platform's name for users, instead of Lingpai 令牌."""

    logo: Path | None = None
    """A PNG, JPEG or WebP image of 100 KiB at most; relative to the data folder. It is shown 40 pixels high."""

    colour: Annotated[str, Field(pattern=r"^(#[0-9a-fA-F]{6})?$")] = ""
    """Colour of buttons and links, as #rrggbb. It is darkened or lightened until text in it can be read (WCAG 2.2) on
    the light and on the dark pages."""

    terms: Links = {}  # noqa: RUF012  pydantic copies it
    """Address of your terms of use."""

    privacy: Links = {}  # noqa: RUF012  pydantic copies it
    """Address of your privacy policy."""

    scopes: dict[ScopeWord, Texts] = {}  # noqa: RUF012  pydantic copies it
    """What scopes of your own let an app do, to follow "It will be able to" on the consent page, such as
    `"orders:read" = { en = "see your orders", zh = "查看你的订单" }`. A scope without words is shown as it is."""

    @model_validator(mode="after")
    def _has_words(self) -> Self:
        empty = [name for name, texts in self.scopes.items() if not texts]
        if empty:
            raise ValueError(f"scopes.{empty[0]} has no words")
        return self

    def read(self, data: Path) -> Brand:
        """Return the brand with its logo.

        Args:
            data: the folder that a relative path is in.

        Raises:
            ValueError: the logo cannot be read, is too large, or no image of a known type.
        """
        return Brand(
            title=self.title,
            logo=None if self.logo is None else _read_logo(data / self.logo),
            colour=self.colour,
            terms=self.terms,
            privacy=self.privacy,
            scopes=self.scopes,
        )


def _read_logo(path: Path) -> Logo:
    try:
        with path.open("rb") as file:
            content = file.read(LOGO_BYTES + 1)
    except OSError as error:
        raise ValueError(f"brand.logo cannot be read: {error.strerror}") from error
    if len(content) > LOGO_BYTES:
        raise ValueError(f"brand.logo is larger than {LOGO_BYTES // 1024} KiB")
    kind = logo_kind(content)
    if kind is None:
        raise ValueError("brand.logo is not a PNG, JPEG or WebP image")
    return Logo(content, kind)
