"""Grants whose reading is begun early are those that a look-up finds, and nobody else's."""

import asyncio
import gc

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.issuer.lookups import LookedUp, begin_look_up, look_up
from lingpai.store.postgresql.issuer import PostgresIssuerStore
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from tests.issuer.remoteness import note_reads
from tests.issuer.worlds import World, raises

ACCESS = HandleKind.ACCESS


@pytest.fixture
def reads(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The grants that are read, in order, by a store that takes a round trip for each."""
    return note_reads(world.issuer.store, monkeypatch)


async def asked(world: World, token: str) -> LookedUp:
    """What a request of its own is told."""
    return await asyncio.create_task(look_up(world.issuer, token, ACCESS))


async def test_what_was_begun_is_taken_once(world: World, reads: list[int]) -> None:
    tokens = await world.tokens()
    token, reads[:] = tokens.access_token, []
    begin_look_up(world.issuer, token, ACCESS)
    first = await look_up(world.issuer, token, ACCESS)
    assert reads == [tokens.grant.id]
    assert await world.issuer.store.end_grant(tokens.grant, world.issuer.now(), "test")
    second = await look_up(world.issuer, token, ACCESS)
    assert first[0] == second[0] is not None
    assert first[1] is not None
    assert second[1] is not None
    assert first[1].grant.end_reason == ""
    assert second[1].grant.end_reason == "test"


async def test_another_token_or_kind_is_read_for_itself(world: World, reads: list[int]) -> None:
    one, two = await world.tokens(), await world.tokens()
    reads[:] = []
    begin_look_up(world.issuer, one.access_token, ACCESS)
    assert (await look_up(world.issuer, one.access_token, HandleKind.REFRESH)) == (None, None)
    assert reads == [one.grant.id]
    reads[:] = []
    handle, view = await look_up(world.issuer, two.access_token, ACCESS)
    assert handle is not None
    assert view is not None
    assert handle.id == view.grant.id == two.grant.id
    assert reads == [two.grant.id]


async def test_one_request_does_not_take_what_another_began(world: World, reads: list[int]) -> None:
    tokens = await world.tokens()
    reads[:] = []

    async def begin() -> None:
        begin_look_up(world.issuer, tokens.access_token, ACCESS)

    await asyncio.create_task(begin())
    await asked(world, tokens.access_token)
    assert reads == [tokens.grant.id] * 2


async def test_what_is_no_token_is_not_read(world: World, reads: list[int]) -> None:
    for text in ("", "nonsense", (await world.tokens()).refresh_token):
        reads[:] = []
        begin_look_up(world.issuer, text, ACCESS)
        assert await look_up(world.issuer, text, ACCESS) == (None, None)
        assert reads == []
    begin_look_up(world.issuer, None, ACCESS)
    assert reads == []


async def test_a_store_that_fails_is_told_to_who_asks_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, token = world.issuer.store, (await world.tokens()).access_token
    if not isinstance(store, PostgresIssuerStore):
        return  # answers at once
    untold: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: untold.append(context))

    async def fail(*_arguments: object) -> None:
        raise LingpaiError(Kind.STORE_UNAVAILABLE, "gone")

    monkeypatch.setattr(store._engine, "_fetch", fail)
    begin_look_up(world.issuer, token, ACCESS)
    with raises(Kind.STORE_UNAVAILABLE):
        await look_up(world.issuer, token, ACCESS)
    begin_look_up(world.issuer, token, ACCESS)
    await asyncio.wait(store._engine._tasks)
    monkeypatch.undo()
    begin_look_up(world.issuer, token, ACCESS)  # lets go of the one before
    assert (await look_up(world.issuer, token, ACCESS))[1] is not None
    gc.collect()
    assert untold == []


async def test_a_store_that_answers_at_once_is_asked_when_needed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = world.issuer.store
    tokens = await world.tokens()
    begin_look_up(world.issuer, tokens.access_token, ACCESS)
    await store.end_grant(tokens.grant, world.issuer.now(), "test")
    _, view = await look_up(world.issuer, tokens.access_token, ACCESS)
    assert view is not None
    if isinstance(store, SqliteIssuerStore):
        assert view.grant.end_reason == "test"
