from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingpai.core.clock import VirtualClock
from lingpai.core.handles import MAX_GENERATION, MAX_ID, Handle, HandleFormat, HandleKind, Handles
from lingpai.core.keyring import KeyRing

RING = KeyRing.ephemeral()
HANDLES = Handles(RING, "yzb", VirtualClock())
SAMPLE = Handle(HandleKind.ACCESS, 7, 3, 1_700_000_000)


@given(
    st.builds(
        Handle,
        st.sampled_from(HandleKind),
        st.integers(0, MAX_ID),
        st.integers(0, MAX_GENERATION),
        st.integers(0, MAX_GENERATION),
    ),
    st.sampled_from(HandleFormat),
)
def test_what_is_sealed_opens_and_is_always_the_same(handle: Handle, form: HandleFormat) -> None:
    text = HANDLES.seal(handle, form)
    assert HANDLES.unseal(text, handle.kind, form) == handle
    assert HANDLES.seal(handle, form) == text
    assert len(text) == (43 if form is HandleFormat.BASE64URL else 64)


@given(st.text(max_size=80), st.sampled_from(HandleFormat))
def test_f57_any_text_is_refused_quietly(text: str, form: HandleFormat) -> None:
    assert HANDLES.unseal(text, HandleKind.ACCESS, form) is None


@given(st.integers(0, 255), st.sampled_from(HandleFormat))
def test_f57_any_changed_bit_is_refused(bit: int, form: HandleFormat) -> None:
    import base64

    sealed = bytearray(bytes.fromhex(HANDLES.seal(SAMPLE)))
    sealed[bit // 8] ^= 1 << bit % 8
    text = {
        HandleFormat.HEX: sealed.hex(),
        HandleFormat.UPPER_HEX: sealed.hex().upper(),
        HandleFormat.BASE64URL: base64.urlsafe_b64encode(sealed).rstrip(b"=").decode(),
    }[form]
    assert HANDLES.unseal(text, HandleKind.ACCESS, form) is None


def test_there_is_one_spelling_of_each() -> None:
    text = HANDLES.seal(SAMPLE)
    spelled = HANDLES.seal(SAMPLE, HandleFormat.BASE64URL)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[(alphabet.index(spelled[-1]) & ~3) + 3 - (alphabet.index(spelled[-1]) & 3)]
    for other in (text.upper(), text + "\n", " " + text, text[:-1] + "\N{FULLWIDTH DIGIT ONE}"):
        assert HANDLES.unseal(other, HandleKind.ACCESS) is None
    for other in (spelled + "=", spelled + "\n", spelled[:-1] + last, spelled[:20] + "!" + spelled[20:]):
        assert HANDLES.unseal(other, HandleKind.ACCESS, HandleFormat.BASE64URL) is None


def test_e55_f61_realm_and_kind_are_part_of_it() -> None:
    text = HANDLES.seal(SAMPLE)
    assert Handles(RING, "yzb-test", VirtualClock()).unseal(text, HandleKind.ACCESS) is None
    assert Handles(KeyRing.ephemeral(), "yzb", VirtualClock()).unseal(text, HandleKind.ACCESS) is None
    assert [kind for kind in HandleKind if HANDLES.unseal(text, kind)] == [HandleKind.ACCESS]


@pytest.mark.parametrize("value", [-1, 1 << 56])
def test_what_does_not_fit_is_refused(value: int) -> None:
    for handle in (
        SAMPLE._replace(id=value),
        SAMPLE._replace(generation=value),
        SAMPLE._replace(issued_at=value),
    ):
        with pytest.raises(OverflowError):
            HANDLES.seal(handle)


def test_f57_a_hundred_thousand_in_a_row_are_distinct_and_look_random() -> None:
    texts = [HANDLES.seal(Handle(HandleKind.CODE, row, 0, 1_700_000_000)) for row in range(100_000)]
    assert len(set(texts)) == len(texts)
    for position in (0, 1, 31, 32, 63):
        counts = Counter(text[position] for text in texts)
        assert len(counts) == 16
        chi_square = sum((count - 6250) ** 2 / 6250 for count in counts.values())
        assert chi_square < 60  # 15 degrees of freedom: one in three million is above


def test_f67_a_new_key_opens_at_once_and_seals_once_everybody_knows_it(tmp_path: Path) -> None:
    clock = VirtualClock()
    mine = KeyRing.open_or_create(tmp_path / "ring", clock.now())
    theirs = KeyRing(tmp_path / "ring")
    here, there = Handles(mine, "yzb", clock), Handles(theirs, "yzb", clock)
    clock.advance(60)
    before = here.seal(SAMPLE)
    mine.rotate(clock.now())
    clock.advance(2)
    assert here.seal(SAMPLE) == before
    clock.advance(9)
    after = here.seal(SAMPLE)
    assert after != before
    for text in (before, after):
        assert there.unseal(text, HandleKind.ACCESS) == SAMPLE
    assert there.seal(SAMPLE) == after
    mine.retire(1)
    clock.advance(2)
    for handles in (here, there):  # also where nothing is sealed, and nothing else comes that does not open
        assert handles.unseal(before, HandleKind.ACCESS) is None
        assert handles.unseal(after, HandleKind.ACCESS) == SAMPLE


def test_a_handle_is_told_as_each_key_writes_it() -> None:
    clock, ring = VirtualClock(), KeyRing.ephemeral()
    handles = Handles(ring, "yzb", clock)
    texts = [handles.seal(SAMPLE, HandleFormat.BASE64URL)]
    for _ in range(2):
        ring.rotate(clock.now())
        clock.advance(11)
        texts.append(handles.seal(SAMPLE, HandleFormat.BASE64URL))
    assert handles.seal_with_each(SAMPLE, HandleFormat.BASE64URL) == tuple(texts[::-1])
    with pytest.raises(OverflowError):
        handles.seal_with_each(SAMPLE._replace(id=1 << 56))


def test_a_ring_that_cannot_be_read_does_not_stop_us(tmp_path: Path) -> None:
    clock = VirtualClock()
    ring = KeyRing.open_or_create(tmp_path / "ring", clock.now())
    handles = Handles(ring, "yzb", clock)
    (tmp_path / "ring").unlink()
    clock.advance(60)
    assert handles.unseal(handles.seal(SAMPLE), HandleKind.ACCESS) == SAMPLE
