"""A look-up that is begun early finds what it was begun for, and costs one read."""

import asyncio
import gc

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.issuer.lookups import LookedUp, LookUp, begin_look_up, begin_spending, look_up
from lingpai.store.postgresql.issuer import PostgresIssuerStore
from tests.issuer.harness import Harness, raises
from tests.issuer.remoteness import note_reads

ACCESS = HandleKind.ACCESS


@pytest.fixture
def reads(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The grants that are read, in order, by a store that takes a round trip for each."""
    return note_reads(harness.issuer.store, monkeypatch)


async def found(begun: LookUp) -> LookedUp:
    return begun if isinstance(begun, tuple) else await begun


async def test_what_was_begun_is_read_once_and_what_comes_later_anew(
    harness: Harness, reads: list[int]
) -> None:
    tokens = await harness.tokens()
    token, reads[:] = tokens.access_token, []
    first = await found(begin_look_up(harness.issuer, token, ACCESS))
    assert reads == [tokens.grant.id]
    assert await harness.issuer.store.end_grant(tokens.grant, harness.issuer.now(), "test")
    second = await look_up(harness.issuer, token, ACCESS)
    assert reads == [tokens.grant.id] * 2
    assert first[0] == second[0] is not None
    assert first[1] is not None
    assert second[1] is not None
    assert first[1].grant.end_reason == ""
    assert second[1].grant.end_reason == "test"


async def test_a_store_that_answers_at_once_is_asked_at_once(harness: Harness) -> None:
    tokens = await harness.tokens()
    begun = begin_look_up(harness.issuer, tokens.access_token, ACCESS)
    assert isinstance(begun, tuple) is not isinstance(harness.issuer.store, PostgresIssuerStore)
    handle, view = await found(begun)
    assert handle is not None
    assert view is not None
    assert handle.id == view.grant.id == tokens.grant.id


async def test_what_is_no_token_is_not_read(harness: Harness, reads: list[int]) -> None:
    for text in ("", "nonsense", (await harness.tokens()).refresh_token):
        reads[:] = []
        assert begin_look_up(harness.issuer, text, ACCESS) == (None, None)
        assert await look_up(harness.issuer, text, ACCESS) == (None, None)
        assert reads == []


async def test_a_request_for_tokens_spends_what_its_grant_type_says(harness: Harness) -> None:
    code, refresh_token = await harness.code(), (await harness.tokens()).refresh_token
    kinds = {}
    for grant_type in ("authorization_code", "refresh_token", "another", None):
        begun = begin_spending(harness.issuer, grant_type, code, refresh_token)
        assert begun is not None
        handle, view = await found(begun)
        assert handle is not None
        assert view is not None
        kinds[grant_type] = handle.kind
    refreshed = dict.fromkeys(("refresh_token", "another", None), HandleKind.REFRESH)
    assert kinds == {"authorization_code": HandleKind.CODE} | refreshed
    assert begin_spending(harness.issuer, "authorization_code", None, refresh_token) is None
    assert begin_spending(harness.issuer, "refresh_token", code, None) is None


async def test_a_store_that_fails_is_reported_to_who_asks_only(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, token = harness.issuer.store, (await harness.tokens()).access_token
    if not isinstance(store, PostgresIssuerStore):
        return  # answers at once
    unreported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unreported.append(context))

    async def fail(*_arguments: object) -> None:
        raise LingpaiError(Kind.STORE_UNAVAILABLE, "gone")

    monkeypatch.setattr(store._engine, "_fetch", fail)
    with raises(Kind.STORE_UNAVAILABLE):
        await found(begin_look_up(harness.issuer, token, ACCESS))
    begun = begin_look_up(harness.issuer, token, ACCESS)
    await asyncio.wait(store._engine._tasks)
    del begun
    monkeypatch.undo()
    assert (await look_up(harness.issuer, token, ACCESS))[1] is not None
    gc.collect()
    assert unreported == []
