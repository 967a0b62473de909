"""What the settings say of the pages of a realm, and what they refuse."""

from pathlib import Path
from typing import Any

import pytest

from lingpai.issuer.pages import Brand
from lingpai.settings import SettingsError, load_settings
from lingpai.settings.branding import LOGO_BYTES

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def brand_of(data: Path, **given: Any) -> Brand:
    settings = load_settings(data=data, realms={"oidc": {"brand": given}})
    return next(each.brand for each in settings.all_realms() if each.name == "oidc")


def test_one_text_is_for_both_languages_and_a_table_for_each(tmp_path: Path) -> None:
    brand = brand_of(
        tmp_path,
        title="Example",
        terms={"en": "https://shop.example/terms", "zh": "https://shop.example/zh/terms"},
        privacy="https://shop.example/privacy",
        scopes={"orders:read": {"zh": "查看你的订单"}},
    )
    assert (brand.title_in("en"), brand.title_in("zh")) == ("Example", "Example")
    assert brand.links_in("zh") == {
        "terms": "https://shop.example/zh/terms",
        "privacy": "https://shop.example/privacy",
    }
    assert brand.scopes["orders:read"] == {"en": "查看你的订单", "zh": "查看你的订单"}


def test_without_settings_pages_are_as_before(tmp_path: Path) -> None:
    brand = brand_of(tmp_path)
    assert brand == Brand()
    assert (brand.title_in("en"), brand.links_in("en")) == ("Lingpai 令牌", {})
    assert brand.style_name != brand_of(tmp_path, colour="#7a1f5c").style_name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"colour": "red"}, "brand.colour"),
        ({"colour": "#12345"}, "brand.colour"),
        ({"terms": "http://shop.example/"}, "brand.terms: must be an https:// address"),
        ({"terms": "javascript:alert(1)"}, "brand.terms: must be an https:// address"),
        ({"privacy": "https://user@shop.example/"}, "brand.privacy: must be an https:// address"),
        ({"privacy": "https://shop.example/条款"}, "brand.privacy: must be written in ASCII"),
        ({"title": "a\u202eb"}, "brand.title: must be 1 to 200 characters"),
        ({"title": {"fr": "Exemple"}}, "brand.title: must be one text, or a table"),
        ({"title": "x" * 201}, "brand.title: must be 1 to 200 characters"),
        ({"scopes": {"orders:read": ""}}, "scopes.orders:read has no words"),
        ({"scopes": {"two words": "x"}}, "brand.scopes"),
        ({"color": "#123456"}, "brand.color"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_settings(
    given: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as refused:
        brand_of(tmp_path, **given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "image/jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(40), "image/webp"),
        (PNG + bytes(LOGO_BYTES - len(PNG)), "image/png"),
    ],
)
def test_a_logo_is_read_from_the_data_folder(content: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "logo.bin").write_bytes(content)
    for path in ("logo.bin", str(tmp_path / "logo.bin")):
        logo = brand_of(tmp_path, logo=path).logo
        assert logo is not None
        assert (logo.kind, logo.content) == (kind, content)
        assert logo.name.endswith(kind.rpartition("/")[2])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a PNG, JPEG or WebP image"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "is not a PNG, JPEG or WebP image"),
        (b"", "is not a PNG, JPEG or WebP image"),
        (PNG + bytes(LOGO_BYTES), "is larger than 100 KiB"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_logo_is_named(content: bytes | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "logo.png").write_bytes(content)
    with pytest.raises(SettingsError, match=rf"realms\.oidc\.brand\.logo {said}"):
        brand_of(tmp_path, logo="logo.png")
