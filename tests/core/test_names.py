import pytest

from lingpai.core.names import fold, hides, tidy


@pytest.mark.parametrize(
    "spelled", ["josé", "jose\u0301", "JOSÉ", " José ", "ＪＯＳＥ\u0301", "\u3000josé\u3000", "ｊｏｓé"]
)
def test_spellings_of_one_name_are_one(spelled: str) -> None:
    assert fold(spelled) == "josé"


@pytest.mark.parametrize(
    ("one", "other"), [("straße", "STRASSE"), ("ﬁsh", "FISH"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("㍿", "株式会社")]
)
def test_case_and_compatibility_are_folded_as_unicode_has_it(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert fold(fold(one)) == fold(one)


def test_names_that_differ_stay_different() -> None:
    assert len({fold(each) for each in ("ann", "anna", "an n", "änn", "小明", "小名", "*")}) == 7


def test_a_kept_name_keeps_its_case() -> None:
    assert tidy("  Jose\u0301 Ａ ") == "José A"


@pytest.mark.parametrize(
    "text",
    [
        "a\0b",
        "\x7f",
        "a\u200bb",
        "\u200d",
        "\ufeffa",
        "\u202ea",
        "\u2066",
        "\u2028",
        "\ud800",
        "\u3164",
        "\U000e0001",
    ],
)
def test_what_hides(text: str) -> None:
    assert hides(text)


@pytest.mark.parametrize("text", ["", "ann b", "小明", "é", "e\u0301", "नमस्ते", "😀", "a\u3000b"])
def test_what_does_not_hide(text: str) -> None:
    assert not hides(text)
