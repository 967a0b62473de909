import os
import struct
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lingpai.core.clock import VirtualClock
from lingpai.core.handles import (
    AHEAD,
    LEAST_SALT,
    MAX_GENERATION,
    MAX_ID,
    MAX_NARROWED_GENERATION,
    MAX_SALT,
    MAX_WORDS,
    Handle,
    HandleFormat,
    HandleKind,
    Handles,
    read_salts,
)
from lingpai.core.keyring import KeyRing

RING = KeyRing.ephemeral()
HANDLES = Handles(RING, "yzb", VirtualClock())
SAMPLE = Handle(HandleKind.ACCESS, 7, 3, 1_700_000_000, 0xFEDCBA98)
LOW = (1 << 20) - 1
"""The generations that a handle has room for beside its salt."""
SALTS = st.integers(LEAST_SALT, MAX_SALT)
TIMES = st.integers(0, (1 << 32) - 1)
OWN_SALT = (HandleKind.SESSION,)
"""Kinds whose rows had a salt in the earlier layout."""
ALL = st.just(0)
NAMED = st.builds(
    Handle, st.sampled_from(HandleKind), st.integers(0, MAX_ID), st.integers(0, LOW), TIMES, SALTS, ALL
)
EARLIER = st.one_of(
    st.builds(
        Handle,
        st.sampled_from([kind for kind in HandleKind if kind not in OWN_SALT]),
        st.integers(0, (1 << 56) - 1),
        TIMES,
        TIMES,
        st.just(0),
        ALL,
    ),
    st.builds(
        Handle,
        st.sampled_from(OWN_SALT),
        st.integers(0, (1 << 56) - 1),
        st.just(0),
        TIMES,
        st.integers(0, LEAST_SALT - 1),
        ALL,
    ),
)

MAY_BE_NARROWED = (HandleKind.ACCESS, HandleKind.APP_TOKEN)
WORDS = st.integers(1, (1 << MAX_WORDS) - 1)
LOW_NARROWED = (1 << 20 - MAX_WORDS) - 1
NARROWED = st.one_of(
    st.builds(
        Handle,
        st.sampled_from(MAY_BE_NARROWED),
        st.integers(0, MAX_ID),
        st.integers(0, LOW_NARROWED),
        TIMES,
        SALTS,
        WORDS,
    ),
    st.builds(
        Handle,
        st.sampled_from(MAY_BE_NARROWED),
        st.integers(0, (1 << 48) - 1),
        TIMES,
        TIMES,
        st.just(0),
        WORDS,
    ),
)


def sealed_earlier(kind: HandleKind, row: int, generation: int, issued_at: int) -> str:
    """A handle as the release before sealed it."""
    plain = struct.pack(">QII", kind << 56 | row, generation, issued_at)
    return HANDLES._ciphers.sealing.encrypt(plain, HANDLES._bound).hex()


@given(st.one_of(NAMED, EARLIER, NARROWED), st.sampled_from(HandleFormat))
def test_what_is_sealed_opens_and_is_always_the_same(handle: Handle, form: HandleFormat) -> None:
    text = HANDLES.seal(handle, form)
    assert HANDLES.unseal(text, handle.kind, form) == handle
    assert HANDLES.seal(handle, form) == text
    assert len(text) == (43 if form is HandleFormat.BASE64URL else 64)
    assert [kind for kind in HandleKind if HANDLES.unseal(text, kind, form)] == [handle.kind]


@given(st.sampled_from(HandleKind), st.integers(0, (1 << 56) - 1), TIMES, TIMES)
def test_handles_of_the_release_before_open_as_what_they_are(
    kind: HandleKind, row: int, generation: int, issued_at: int
) -> None:
    text = sealed_earlier(kind, row, generation, issued_at)
    salted = kind in OWN_SALT
    expected = Handle(kind, row, 0 if salted else generation, issued_at, generation if salted else 0)
    assert HANDLES.unseal(text, kind) == expected
    assert [other for other in HandleKind if HANDLES.unseal(text, other)] == [kind]
    if not salted:  # and rows of that release go on with such
        assert HANDLES.seal(expected) == text


@given(NAMED, st.integers(0, MAX_GENERATION), st.integers(-5, AHEAD))
def test_a_handle_means_one_generation_of_its_row_however_high(
    handle: Handle, generation: int, behind: int
) -> None:
    made = handle._replace(generation=generation)
    opened = HANDLES.unseal(HANDLES.seal(made), made.kind)
    assert opened is not None
    assert opened.of_row(made.salt, max(0, generation - behind)) == made


@given(NARROWED, st.integers(0, MAX_NARROWED_GENERATION), st.integers(-5, AHEAD))
def test_a_narrowed_handle_means_one_generation_of_its_row_however_high(
    handle: Handle, generation: int, behind: int
) -> None:
    made = handle._replace(generation=generation)
    opened = HANDLES.unseal(HANDLES.seal(made), made.kind)
    assert opened is not None
    assert opened.of_row(made.salt, max(0, generation - behind)) == made


@pytest.mark.parametrize(
    "wrong",
    [
        {"words": 1 << MAX_WORDS},
        {"words": -1},
        {"kind": HandleKind.REFRESH},
        {"id": MAX_ID + 1},
        {"id": -1},
        {"id": 1 << 48, "salt": 0},
        {"generation": MAX_NARROWED_GENERATION + 1},
        {"generation": 1 << 32, "salt": 0},
        {"salt": LEAST_SALT - 1},
        {"issued_at": 1 << 32},
    ],
    ids=str,
)
def test_a_narrowed_handle_that_does_not_fit_is_not_sealed(wrong: dict[str, Any]) -> None:
    narrowed = SAMPLE._replace(words=5)
    assert HANDLES.unseal(HANDLES.seal(narrowed), HandleKind.ACCESS) == narrowed
    with pytest.raises(OverflowError):
        HANDLES.seal(narrowed._replace(**wrong))


@pytest.mark.parametrize(
    ("head", "salt"),
    [(9 << 60 | 7 << 20 | 3, LEAST_SALT), (9 << 56 | 7, 3), (9 << 60 | 7 << 20 | 5 << 12, 1)],
)
def test_a_narrowed_handle_without_words_or_salt_is_none_of_ours(head: int, salt: int) -> None:
    plain = struct.pack(">QII", head, 1_700_000_000, salt)
    text = HANDLES._ciphers.sealing.encrypt(plain, HANDLES._bound).hex()
    for kind in HandleKind:
        assert HANDLES.unseal(text, kind) is None


@given(NARROWED, SALTS, st.integers(0, LOW_NARROWED - AHEAD))
def test_a_narrowed_handle_opens_no_row_with_another_salt(handle: Handle, salt: int, newest: int) -> None:
    assume(salt != handle.salt)
    opened = HANDLES.unseal(HANDLES.seal(handle), handle.kind)
    assert opened is not None
    others = (salt, handle.salt ^ 1, handle.salt ^ LEAST_SALT) if handle.salt else (salt,)
    for row in (*others, *((0,) if handle.salt else ())):
        assert opened.of_row(row, newest) is None


@given(NAMED, SALTS, st.integers(0, LOW - AHEAD))
def test_a_handle_opens_no_row_with_another_salt(handle: Handle, salt: int, newest: int) -> None:
    assume(salt != handle.salt)
    opened = HANDLES.unseal(HANDLES.seal(handle), handle.kind)
    assert opened is not None
    for row in (salt, 0, handle.salt ^ 1, handle.salt ^ LEAST_SALT):
        assert opened.generation_of(row, newest) is None
        assert opened.of_row(row, newest) is None


@given(st.integers(0, MAX_ID), TIMES, TIMES, SALTS)
def test_a_handle_of_the_earlier_layout_opens_no_row_that_has_a_salt(
    row: int, generation: int, issued_at: int, salt: int
) -> None:
    opened = HANDLES.unseal(
        sealed_earlier(HandleKind.REFRESH, row, generation, issued_at), HandleKind.REFRESH
    )
    assert opened is not None
    for newest in (0, generation, MAX_GENERATION):
        assert opened.of_row(salt, newest) is None
        assert opened.of_row(0, newest) == opened


@pytest.mark.parametrize("salt", [0, 1, LEAST_SALT - 1])
def test_a_handle_with_less_than_a_salt_is_none_of_ours(salt: int) -> None:
    head = HandleKind.ACCESS << 60 | 7 << 20 | 3
    plain = struct.pack(">QII", head, 1_700_000_000, salt)
    text = HANDLES._ciphers.sealing.encrypt(plain, HANDLES._bound).hex()
    assert HANDLES.unseal(text, HandleKind.ACCESS) is None
    with pytest.raises(OverflowError):
        HANDLES.seal(SAMPLE._replace(salt=salt or -1))


def test_the_generation_turns_over_beside_the_salt() -> None:
    newest = LOW
    for generation in (LOW - 1, LOW, LOW + 1, LOW + 2, 2 * LOW + 2):
        newest = max(newest, generation)
        opened = HANDLES.unseal(HANDLES.seal(SAMPLE._replace(generation=generation)), HandleKind.ACCESS)
        assert opened is not None
        assert opened.of_row(SAMPLE.salt, newest) == SAMPLE._replace(generation=generation)
    beyond = HANDLES.unseal(HANDLES.seal(SAMPLE._replace(generation=LOW + 1 + AHEAD)), HandleKind.ACCESS)
    assert beyond is not None
    assert beyond.of_row(SAMPLE.salt, LOW) is None


def test_salts_are_random_and_never_too_small() -> None:
    drawn = iter([bytes(4) + b"\0\0\xff\xff" + b"\0\1\0\0", b"\xff" * 8])
    salts = read_salts(lambda _: next(drawn))
    assert list(islice(salts, 3)) == [LEAST_SALT, MAX_SALT, MAX_SALT]
    assert len(set(islice(read_salts(os.urandom), 1000))) > 990


@given(st.text(max_size=80), st.sampled_from(HandleFormat))
@pytest.mark.threat("F57")
def test_any_text_is_refused_quietly(text: str, form: HandleFormat) -> None:
    assert HANDLES.unseal(text, HandleKind.ACCESS, form) is None


@given(st.integers(0, 255), st.sampled_from(HandleFormat))
@pytest.mark.threat("F57")
def test_any_changed_bit_is_refused(bit: int, form: HandleFormat) -> None:
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


@pytest.mark.threat("E55", "F61")
def test_realm_and_kind_are_part_of_it() -> None:
    text = HANDLES.seal(SAMPLE)
    assert Handles(RING, "yzb-test", VirtualClock()).unseal(text, HandleKind.ACCESS) is None
    assert Handles(KeyRing.ephemeral(), "yzb", VirtualClock()).unseal(text, HandleKind.ACCESS) is None
    assert [kind for kind in HandleKind if HANDLES.unseal(text, kind)] == [HandleKind.ACCESS]


@pytest.mark.parametrize("value", [-1, 1 << 56])
@pytest.mark.parametrize("salt", [SAMPLE.salt, 0])
def test_what_does_not_fit_is_refused(value: int, salt: int) -> None:
    for handle in (
        SAMPLE._replace(id=value, salt=salt),
        SAMPLE._replace(generation=value, salt=salt),
        SAMPLE._replace(issued_at=value, salt=salt),
        SAMPLE._replace(salt=value),
    ):
        with pytest.raises(OverflowError):
            HANDLES.seal(handle)


@pytest.mark.threat("F57")
def test_a_hundred_thousand_in_a_row_are_distinct_and_look_random() -> None:
    texts = [
        HANDLES.seal(Handle(HandleKind.CODE, row, 0, 1_700_000_000, SAMPLE.salt)) for row in range(100_000)
    ]
    assert len(set(texts)) == len(texts)
    for position in (0, 1, 31, 32, 63):
        counts = Counter(text[position] for text in texts)
        assert len(counts) == 16
        chi_square = sum((count - 6250) ** 2 / 6250 for count in counts.values())
        assert chi_square < 60  # 15 degrees of freedom: one in three million is above


@pytest.mark.threat("F67")
def test_a_new_key_opens_at_once_and_seals_once_everybody_knows_it(tmp_path: Path) -> None:
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


def test_f67_what_seals_and_opens_in_one_call_follows_the_ring_too(tmp_path: Path) -> None:
    clock = VirtualClock()
    ring = KeyRing.open_or_create(tmp_path / "ring", clock.now())
    handles = Handles(ring, "yzb", clock)
    seal, unseal = handles.sealer(SAMPLE.kind), handles.opener(SAMPLE.kind)
    clock.advance(60)
    before = seal(*SAMPLE[1:])
    assert before == handles.seal(SAMPLE)
    ring.rotate(clock.now())
    clock.advance(11)
    after = seal(*SAMPLE[1:])
    assert before != after == handles.seal(SAMPLE)
    assert unseal(before) == unseal(after) == SAMPLE
    ring.retire(1)
    clock.advance(2)
    assert (unseal(before), unseal(after)) == (None, SAMPLE)


def test_a_handle_is_shown_as_each_key_writes_it() -> None:
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


@pytest.mark.parametrize("kind", [7, 8])
def test_kinds_of_releases_before_are_taken_for_no_other(kind: int) -> None:
    earlier = Handle(cast("HandleKind", kind), 7, 0, 1_700_000_000)
    now = earlier._replace(salt=0xFEDCBA98)
    for text in map(HANDLES.seal, (earlier, now)):
        assert [HANDLES.unseal(text, each) for each in HandleKind] == [None] * len(HandleKind)
