"""Texts that travel through browsers."""

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.core.sealed_texts import SealedTexts


def sealer(ring: KeyRing, clock: VirtualClock, purpose: str = "a", realm: str = "r") -> SealedTexts:
    return SealedTexts(ring, purpose, realm.encode(), clock)


@pytest.mark.parametrize("plain", [b"", b"x", b"\0" * 5000, "令牌".encode()])
def test_what_was_sealed_opens(plain: bytes) -> None:
    ring, clock = KeyRing.ephemeral(), VirtualClock()
    text = sealer(ring, clock).seal(plain)
    assert text.isascii()
    assert sealer(ring, clock).open(text) == plain


def test_nothing_else_opens() -> None:
    ring, clock = KeyRing.ephemeral(), VirtualClock()
    text = sealer(ring, clock).seal(b"a request")
    mine = sealer(ring, clock)
    for place in range(len(text)):
        assert mine.open(text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]) is None
    for odd in (
        "",
        "x",
        text[:-1],
        text + "=",
        text + "A",
        text + "\n",
        " " + text,
        "令牌",
        "\ud800",
        "a" * 40,
    ):
        assert mine.open(odd) is None
    for other in (
        sealer(ring, clock, purpose="b"),
        sealer(ring, clock, realm="s"),
        sealer(KeyRing.ephemeral(), clock),
    ):
        assert other.open(text) is None


def test_a_rotated_key_opens_until_it_is_retired() -> None:
    clock = VirtualClock()
    ring = KeyRing.ephemeral(clock.now())
    mine = sealer(ring, clock)
    text = mine.seal(b"a request")
    clock.advance(20)
    ring.rotate(clock.now())
    clock.advance(20)
    assert mine.open(text) == b"a request"
    assert mine.seal(b"a request") != text
    ring.retire(1)
    clock.advance(2)
    assert mine.open(text) is None
