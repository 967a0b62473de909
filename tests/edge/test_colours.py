"""One colour of an operator's becomes accents that can be read in both schemes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingpai.design.colours import READABLE, accents, contrast
from lingpai.design.sheets import style

SCHEMES = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in style().split("@media", 1)]
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def schemes_of(colour: str) -> list[dict[str, str]]:
    return [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in accents(colour).split("@media")
    ]


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("#123456", "#123456") == 1


@given(COLOURS)
def test_text_can_be_read_whatever_the_colour(colour: str) -> None:
    for found, usual in zip(schemes_of(colour), SCHEMES, strict=True):
        for surface in (usual["card"], usual["paper"], usual["sunk"], found["wash"]):
            assert contrast(found["accent"], surface) >= READABLE
        for button in (found["accent"], found["accent-strong"]):
            assert contrast(found["on-accent"], button) >= READABLE
        assert contrast(usual["ink"], found["wash"]) >= READABLE


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    light, dark = schemes_of("#7a1f5c")
    assert light["accent"] == "#7a1f5c"
    assert dark["accent"] != "#7a1f5c"
    assert schemes_of("#f5b7d9")[1]["accent"] == "#f5b7d9"


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#12345g", "#1234567", "#123456;}", " #123456"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        accents(colour)
