import time
import uuid

import pytest

from lingpai.core.trace import new_trace_id


def test_is_a_version_1_uuid_of_this_moment() -> None:
    before = uuid.uuid1().time
    made = uuid.UUID(new_trace_id())
    after = uuid.uuid1().time
    assert made.version == 1
    assert made.variant == uuid.RFC_4122
    assert before - 10_000_000 <= made.time <= after + 10_000_000
    assert made.node >> 40 & 1, "the node is random, and says so"


def test_many_of_one_moment_differ() -> None:
    made = [new_trace_id() for _ in range(20_000)]
    assert len(set(made)) == len(made)


def test_a_clock_set_back_repeats_none(monkeypatch: pytest.MonkeyPatch) -> None:

    first = new_trace_id()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 3600 * 10**9)
    later = [new_trace_id() for _ in range(100)]
    assert len({first, *later}) == 101
    assert uuid.UUID(later[0]).time > uuid.UUID(first).time
