"""What decides about a grant: it is read with the grant, from tables that only name the few whose grants are over."""

from pathlib import Path

import apsw
import msgspec
import pytest

from lingpai.core.issuer_records import GrantView
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.postgresql import schema as postgresql
from lingpai.store.sqlite import schema as sqlite
from tests.helpers.postgres import Place
from tests.issuer.engines import execute, rows_of
from tests.issuer.harness import Harness
from tests.store.postgresql.hardship import run

BEFORE = 8
"""The migration that looks through what there is."""
USER = """
INSERT INTO issuer_users (realm, login, password_hash, nick, avatar, sex, seller_name, disabled, created_at,
    ended_through)
VALUES ('r', '{login}', '', '', '', '', '', {disabled}, 0, {through})
"""
MEMBER = """
INSERT INTO issuer_members (app_row, user_row, open_id, permissions, added, created_at, ended_through)
VALUES (1, {user}, 'open {user}', '[]', {added}, 0, {through})
"""
GRANT = """
INSERT INTO issuer_grants (realm, kind, app_row, user_row, challenge, challenge_method, nonce, audience, state,
    generation, rotated_at, created_at, ends_at, limit_at, end_reason, look_at)
VALUES ('r', 1, 1, {user}, '', '', '', '', 1, 1, 0, 0, 9, 9, '', 9)
"""
USERS = [(False, 0), (True, 0), (False, 7), (True, 7)]
"""Disabled or not, and through which grant theirs were ended."""
FOREVER = (1 << 63) - 1
REMOVED = 9
ENDED = "SELECT user_row, through FROM issuer_ended_users ORDER BY user_row"
MEMBERS_ENDED = "SELECT member_row, through FROM issuer_ended_members ORDER BY member_row"


def filled(*, sqlite: bool) -> list[str]:
    """What an earlier release may have left, as statements."""
    truth = {True: "1", False: "0"} if sqlite else {True: "true", False: "false"}
    made = [
        USER.format(login=number, disabled=truth[disabled], through=through)
        for number, (disabled, through) in enumerate(USERS)
    ]
    made += [
        MEMBER.format(user=user, added=truth[True], through=through) for user, through in ((1, 0), (2, 5))
    ]
    return made + [GRANT.format(user=user) for user in ("1", str(REMOVED), str(REMOVED), "NULL")]


def test_the_migration_finds_whose_grants_are_over_in_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, every = tmp_path / "lingpai.db", sqlite.all_migrations()
    earlier = {number: name for number, name in every.items() if number < BEFORE}
    monkeypatch.setattr(sqlite, "all_migrations", lambda: earlier)
    sqlite.apply_migrations(path)
    connection = apsw.Connection(str(path))
    for statement in filled(sqlite=True):
        connection.execute(statement)
    monkeypatch.setattr(sqlite, "all_migrations", lambda: every)
    sqlite.apply_migrations(path)
    assert connection.execute(ENDED).fetchall() == [(2, FOREVER), (3, 7), (4, FOREVER), (REMOVED, FOREVER)]
    assert connection.execute(MEMBERS_ENDED).fetchall() == [(2, 5)]
    connection.close()


async def test_the_migration_finds_whose_grants_are_over_in_postgresql(postgres_place: Place) -> None:
    name, every = postgres_place.prefix + "earlier", postgresql.all_migrations()
    await run(postgres_place.server, f'CREATE DATABASE "{name}"')
    dsn = postgres_place.dsn(name)
    earlier = {number: each for number, each in every.items() if number < BEFORE}
    await postgresql.apply_migrations(dsn, earlier)
    await run(dsn, *filled(sqlite=False))
    await postgresql.apply_migrations(dsn)
    ended = [(2, FOREVER), (3, 7), (4, FOREVER), (REMOVED, FOREVER)]
    assert [tuple(row) for row in await run(dsn, ENDED)] == ended
    assert [tuple(row) for row in await run(dsn, MEMBERS_ENDED)] == [(2, 5)]


async def viewed(harness: Harness, grant: int) -> GrantView:
    view = await harness.issuer.store.read_grant(grant)
    assert view is not None
    return view


async def disable(harness: Harness, *, disabled: bool) -> None:
    known = await harness.issuer.store.find_user(harness.user.id)
    assert known is not None
    wanted = msgspec.structs.replace(known, disabled=disabled)
    assert await harness.issuer.store.change_user(known, wanted, harness.issuer.now())


async def test_a_user_is_disabled_and_enabled_as_often_as_wanted(
    harness: Harness, store: IssuerStore
) -> None:
    grant = (await harness.tokens()).grant.id
    for _ in range(3):
        assert (await viewed(harness, grant)).usable
        await disable(harness, disabled=True)
        assert not (await viewed(harness, grant)).usable
        await disable(harness, disabled=False)
    assert len(await rows_of(store, ENDED)) == 1


async def test_what_ends_all_grants_of_a_user_spares_those_to_come(harness: Harness) -> None:
    ended = (await harness.tokens()).grant.id
    await disable(harness, disabled=True)
    assert await harness.issuer.store.end_all(user=harness.user.id)
    await disable(harness, disabled=False)
    assert not (await viewed(harness, ended)).usable
    lives = (await harness.tokens()).grant.id
    assert (await viewed(harness, lives)).usable
    for _ in range(2):
        assert await harness.issuer.store.end_all(user=harness.user.id)
        assert not (await viewed(harness, lives)).usable


async def test_what_ends_all_grants_of_a_member_spares_those_to_come(harness: Harness) -> None:
    for _ in range(2):
        ended = (await harness.tokens()).grant.id
        assert await harness.issuer.store.end_all(app=harness.app.id, user=harness.user.id)
        assert not (await viewed(harness, ended)).usable
    assert (await viewed(harness, (await harness.tokens()).grant.id)).usable


async def test_grants_of_a_removed_user_are_over(harness: Harness) -> None:
    grant = (await harness.tokens()).grant.id
    assert await harness.issuer.store.remove_user(harness.user.id, harness.issuer.now())
    assert not (await viewed(harness, grant)).usable


async def test_a_grant_of_an_earlier_release_asks_its_member(harness: Harness, store: IssuerStore) -> None:
    tokens = await harness.tokens()
    assert tokens.open_id
    assert await rows_of(store, "SELECT open_id FROM issuer_grants") == [(tokens.open_id,)]
    await execute(store, "UPDATE issuer_grants SET open_id = NULL")
    assert (await viewed(harness, tokens.grant.id)).open_id == tokens.open_id
