"""Heads that come again are known; what is kept of them is bounded."""

from typing import Any

import pytest

from lingpai.core.wire import Call
from lingpai.edge import headcache
from lingpai.edge.headcache import MOST_LINES, MOST_PEERS, Asked, KnownHeads, read_plain
from lingpai.edge.heads import Head
from lingpai.edge.options import EdgeOptions
from tests.edge.running_edge import app_of, request

FORM = "application/x-www-form-urlencoded"
FIND = app_of(EdgeOptions()).find


def heads_of(most_bytes: int = 1500) -> KnownHeads:
    return KnownHeads(FIND, most_bytes)


def known(heads: KnownHeads, raw: bytes) -> Asked:
    """The head, once it is kept."""
    found = [heads.match(raw) for _ in range(3)][-1]
    assert found is not None
    return found[0]


def test_heads_that_come_once_are_not_kept() -> None:
    heads = heads_of()
    once = request("GET", "/call?token=once")
    assert heads.match(once) is not None
    assert once not in heads._known
    first, second, third = (heads.match(request("GET", "/call?token=again")) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first[0] is not second[0]
    assert second[0] is third[0]


@pytest.mark.parametrize(
    "raw", [request("GET", "/nothing"), request("PUT", "/call"), request("OPTIONS", "/call")]
)
def test_what_no_route_declares_is_answered_and_not_kept(raw: bytes) -> None:
    heads = heads_of()
    assert all(heads.match(raw) for _ in range(3))
    assert not heads._known
    assert not heads._seen


def test_a_head_of_many_lines_is_answered_and_not_kept() -> None:
    heads = heads_of(2048)
    for more, kept in ((MOST_LINES - 1, True), (MOST_LINES, False), (380, False)):
        raw = request("GET", "/call", headers=[("a", "")] * more)
        assert all(heads.match(raw) for _ in range(3))
        assert (raw in heads._known) is kept


@pytest.mark.parametrize(
    "special",
    [
        request("GET", "/call", headers=[("connection", "close")]),
        request("GET", "/call", headers=[("expect", "100-continue")]),
        request("GET", "/call", headers=[("connection", "upgrade"), ("upgrade", "websocket")]),
        request("GET", "/call").replace(b"1.1", b"1.0"),
        request("GET", "/call") + b"\r\n",
        request("GET", "/call")[:-1],
        request("GET", "/call") * 2,
        request("GET", "call"),
        request("POST", "/form", b"x", FORM)[:-1],
        request("POST", "/form", b"x", FORM) + b"x",
        request("GET", "/call", headers=[("x", "y" * 1500)]),
    ],
)
def test_what_is_not_one_plain_message_is_left_to_the_parser(special: bytes) -> None:
    heads = heads_of()
    assert [heads.match(special) for _ in range(3)] == [None, None, None]
    assert read_plain(request("GET", "/call"), FIND) is not None


def test_memory_is_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = heads_of()
    raws = [request("GET", f"/call?{number:04}") for number in range(50)]
    cost = known(heads, raws[0]).cost
    monkeypatch.setattr(headcache, "MOST_KEPT", 10 * cost)
    for raw in raws:
        known(heads, raw)
    assert list(heads._known) == raws[-10:]
    assert heads._costs == 10 * cost


def test_what_was_seen_once_is_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headcache, "MOST_SEEN", 3)
    heads = heads_of()
    raws = [request("GET", f"/call?{number}") for number in range(5)]
    for raw in raws:
        heads.match(raw)
    assert list(heads._seen) == [hash(raw) for raw in raws[-3:]]


def test_an_answer_for_one_peer_is_not_given_to_another() -> None:
    asked = known(heads_of(), request("GET", "/call"))
    tellers: dict[str, Any] = {f"peer {n}": lambda n=n: n for n in range(2 * MOST_PEERS)}
    for peer, again in tellers.items():
        assert asked.again(peer) is None
        asked.keep(peer, again)
        assert asked.again(peer) is again
    kept = [peer for peer, again in tellers.items() if asked.again(peer) is again]
    assert len(kept) == MOST_PEERS + 1
    for peer in kept:
        asked.forget(peer)
    assert not any(map(asked.again, tellers))


def test_a_repeated_answer_says_the_same_when_it_is_read_again() -> None:
    lines = [("Authorization", "Bearer x"), ("if-none-match", "y")]
    asked = known(heads_of(), request("GET", "/call?token=one&two=%20", headers=lines))
    before = asked.head
    asked.keep("peer", lambda: None)
    assert asked.head is not before
    assert asked.head is asked.head
    assert all(getattr(asked.head, name) == getattr(before, name) for name in Head.__slots__)


def test_a_call_knows_what_the_head_says() -> None:
    head = known(heads_of(), request("GET", "/call", headers=[("Accept-Language", "zh")])).head
    call = Call("trace", "peer")
    call.headers = head.headers
    assert call.header("accept-language") == "zh"
