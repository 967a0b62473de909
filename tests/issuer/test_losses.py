"""An id that was handed out again: what was made for the lost row opens, spends and ends nothing of the new one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import Grant, GrantKind, GrantState
from lingpai.core.keyring import KeyRing
from lingpai.core.user_records import User
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Policy
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.check import (
    resolve_access_token,
    resolve_any_token,
    resolve_app_token,
    resolve_ticket,
)
from lingpai.issuer.verbs.end import end_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.sessions import (
    OpenSession,
    end_session,
    read_session,
    start_session,
)
from lingpai.issuer.verbs.tickets import issue_ticket
from lingpai.store.issuer_port import Outcome, Quota
from tests.helpers.passwords import CHEAP
from tests.issuer.harness import Harness, make_world, raises
from tests.issuer.losses import WAYS, Losing

APART = 40
"""Rows between the backup and what is lost: a standby goes on up to 32 ids behind those that it knows of."""


@pytest.fixture
def policy() -> Policy:
    return Policy(code=300, refresh=30 * 86400, app_token_refresh=True)


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if "PostgreSQL" in name or "database" in name:
        request.getfixturevalue("postgres_place")
    return name


@pytest.fixture
async def losing(way: str, tmp_path: Path, ring: KeyRing, clock: VirtualClock) -> AsyncIterator[Losing]:
    async with WAYS[way](tmp_path, ring, clock) as opened:
        yield opened


@dataclass
class Two:
    """Alice's, which is lost, and bob's, whose rows have the same ids later."""

    harness: Harness
    losing: Losing
    bob: User
    kept: Tokens
    """A pair of before the backup."""
    kept_code: str
    lost: dict[str, str] = field(default_factory=dict)
    """Texts that alice was given since the backup, by what they are."""
    grants: list[Grant] = field(default_factory=list)
    session: OpenSession | None = None

    @property
    def issuer(self) -> Issuer:
        return self.harness.issuer

    async def keep(self) -> None:
        await self.losing.keep()
        self.issuer.store = self.losing.store

    async def lose(self) -> None:
        await self.losing.lose()
        self.issuer.store = self.losing.store


@pytest.fixture
async def two(losing: Losing, policy: Policy, ring: KeyRing, clock: VirtualClock) -> Two:
    issuer = await Issuer.open("yzb", policy, losing.store, ring, clock, Passwords(CHEAP))
    harness = await make_world(issuer, ring)
    bob = await admin.add_user(issuer, "bob", "battery staple")
    two = Two(harness, losing, bob, await harness.tokens(), await harness.code())
    await start_session(issuer, bob)
    await two.keep()
    return two


async def code_of(two: Two, user: User) -> str:
    return (await issue_code(two.issuer, two.harness.app, user, Asked())).code


async def tokens_of(two: Two, user: User, *, refreshed: int = 0) -> Tokens:
    tokens = await redeem(two.issuer, two.harness.app, await code_of(two, user))
    for _ in range(refreshed):
        tokens = await refresh(two.issuer, two.harness.app, tokens.refresh_token)
    return tokens


async def lose_alice(two: Two) -> None:
    """Issue to alice what is lost then, each with a row of its own."""
    issuer, app, alice = two.issuer, two.harness.app, two.harness.user
    for _ in range(APART):
        await code_of(two, alice)
        await start_session(issuer, alice)
    two.session = await start_session(issuer, alice)
    two.lost["session"] = two.session.handle
    two.lost["code"] = await code_of(two, alice)
    tokens = await tokens_of(two, alice)
    two.lost |= {"access": tokens.access_token, "refresh": tokens.refresh_token}
    used = await tokens_of(two, alice)
    two.lost["used refresh"] = used.refresh_token
    for _ in range(2):
        used = await refresh(issuer, app, used.refresh_token)
    server = await issue_app_token(issuer, app)
    two.lost |= {"server": server.access_token, "server refresh": server.refresh_token}
    two.lost["ticket"] = (await issue_ticket(issuer, app, server.access_token)).ticket
    two.grants = [tokens.grant, used.grant, server.grant]
    await two.lose()


def row_of(two: Two, text: str) -> int:
    handle = next(filter(None, (two.issuer.unseal(text, kind) for kind in HandleKind)))
    return handle.id


async def give_bob(two: Two) -> dict[str, str]:
    """Rows for bob, each of the kind of the lost one that had its id."""
    issuer, app, bob, lost = two.issuer, two.harness.app, two.bob, two.lost
    held: dict[str, str] = {}

    async def reach(text: str, make: Callable[[], Awaitable[str]]) -> None:
        while row_of(two, made := await make()) < row_of(two, text) - 1:
            pass
        assert row_of(two, made) < row_of(two, text)

    async def session() -> str:
        return (await start_session(issuer, bob)).handle

    await reach(lost["session"], session)
    held["session"] = await session()
    await reach(lost["code"], lambda: code_of(two, bob))
    held["code"] = await code_of(two, bob)
    tokens = await tokens_of(two, bob)
    held |= {"access": tokens.access_token, "refresh": tokens.refresh_token}
    used = await tokens_of(two, bob, refreshed=2)
    held["used refresh"] = used.refresh_token
    server = await issue_app_token(issuer, app)
    held |= {"server": server.access_token, "server refresh": server.refresh_token}
    held["ticket"] = (await issue_ticket(issuer, app, server.access_token)).ticket
    assert {name: row_of(two, text) for name, text in held.items()} == {
        name: row_of(two, text) for name, text in lost.items()
    }
    return held


async def rows_of_bob(two: Two, held: dict[str, str]) -> list[Grant | None]:
    """What the store has of bob's grants."""
    views = [await two.issuer.store.read_grant(row_of(two, held[name])) for name in held if name in OF_GRANTS]
    return [view.grant if view else None for view in views]


OF_GRANTS = ("code", "access", "refresh", "used refresh", "server", "server refresh", "ticket")


async def refusals(two: Two) -> dict[str, Kind | str]:
    """How each lost handle is answered, wherever it may be tried."""
    issuer, app, lost = two.issuer, two.harness.app, two.lost
    reply: dict[str, Kind | str] = {}

    async def attempt(name: str, call: Awaitable[object]) -> None:
        try:
            answer = await call
        except LingpaiError as error:
            reply[name] = error.kind
        else:
            reply[name] = repr(answer)

    await attempt("code", redeem(issuer, app, lost["code"]))
    for name in ("refresh", "used refresh", "server refresh"):
        await attempt(name, refresh(issuer, app, lost[name]))
    await attempt("access", resolve_access_token(issuer, lost["access"]))
    await attempt("any", resolve_any_token(issuer, lost["access"]))
    await attempt("server", resolve_app_token(issuer, lost["server"]))
    await attempt("any server", resolve_any_token(issuer, lost["server"]))
    await attempt("for a ticket", issue_ticket(issuer, app, lost["server"]))
    await attempt("ticket", resolve_ticket(issuer, lost["ticket"]))
    await attempt("session", read_session(issuer, lost["session"]))
    for name in ("access", "refresh", "used refresh", "server", "server refresh", "ticket"):
        await attempt(f"revoke {name}", end_token(issuer, app, lost[name]))
    return reply


async def test_what_was_issued_since_opens_spends_and_ends_nothing_of_anybody_else(two: Two) -> None:
    await lose_alice(two)
    held = await give_bob(two)
    before = await rows_of_bob(two, held)
    assert await refusals(two) == {
        "code": Kind.INVALID_CODE,
        "refresh": Kind.INVALID_REFRESH_TOKEN,
        "used refresh": Kind.INVALID_REFRESH_TOKEN,
        "server refresh": Kind.INVALID_REFRESH_TOKEN,
        "access": Kind.INVALID_ACCESS_TOKEN,
        "any": Kind.INVALID_ACCESS_TOKEN,
        "server": Kind.INVALID_APP_TOKEN,
        "any server": Kind.INVALID_APP_TOKEN,
        "for a ticket": Kind.INVALID_APP_TOKEN,
        "ticket": Kind.INVALID_TICKET,
        "session": "None",
        **{f"revoke {name}": "False" for name in OF_GRANTS if name != "code"},
    }
    assert await rows_of_bob(two, held) == before
    await demand_alive(two, held)


async def test_what_was_read_before_the_loss_changes_nothing_of_anybody_else(two: Two) -> None:
    """The verbs' statements, as if the store lost its commits between the read and the write of one request."""
    await lose_alice(two)
    held = await give_bob(two)
    before = await rows_of_bob(two, held)
    store, now, (live, used, server) = two.issuer.store, two.issuer.now(), two.grants
    assert two.session is not None
    out = msgspec.structs.replace(live, id=row_of(two, held["code"]), state=GrantState.ISSUED)
    for guard in (None, Quota(two.harness.app.id, 0, 1, 9, now + 60)):
        for keep in (None, 60):
            spent = await store.redeem(out, now, now + 60, keep, guard)
            assert (spent.outcome, spent.grant) == (Outcome.GONE, None)
        for grant in (live, used, server):
            for generation in (1, 2, 3, 9):
                spent = await store.rotate(grant, generation, now, now + 60, 60, guard, end_replayed=True)
                assert (spent.outcome, spent.grant) == (Outcome.GONE, None)
            assert await store.end_grant(grant, now, "test") is False
    assert (await store.end_session(two.session.session, two.issuer.now())).sessions == 0
    await start_session(two.issuer, two.harness.user, two.session.session)
    await end_session(two.issuer, two.session.session)
    assert await rows_of_bob(two, held) == before
    await demand_alive(two, held)


async def demand_alive(two: Two, held: dict[str, str]) -> None:
    """All of bob's is as good as ever."""
    issuer, app = two.issuer, two.harness.app
    mine = await read_session(issuer, held["session"])
    assert mine is not None
    assert mine.user == two.bob
    assert (await resolve_access_token(issuer, held["access"])).grant.user == two.bob.id
    assert (await resolve_ticket(issuer, held["ticket"])).grant.kind is GrantKind.TICKET
    await resolve_app_token(issuer, held["server"])
    for name in ("refresh", "used refresh", "server refresh"):
        assert not (await refresh(issuer, app, held[name])).repeated
    assert (await redeem(issuer, app, held["code"])).grant.user == two.bob.id


async def test_tokens_of_the_right_row_that_are_ahead_of_it_are_good(two: Two) -> None:
    """The grant is in the backup, its last refreshes are not: who has the newest pair goes on with it."""
    issuer, app = two.issuer, two.harness.app
    second = await refresh(issuer, app, two.kept.refresh_token)
    third = await refresh(issuer, app, second.refresh_token)
    redeemed = await redeem(issuer, app, two.kept_code)
    await two.lose()
    for tokens in (two.kept, second, third):
        assert (await resolve_access_token(issuer, tokens.access_token)).grant.id == two.kept.grant.id
    fourth = await refresh(issuer, app, third.refresh_token)
    assert fourth.grant.generation == 4
    again = await refresh(issuer, app, third.refresh_token)
    assert (again.access_token, again.refresh_token, again.repeated) == (*pair(fourth), True)
    assert (await resolve_access_token(issuer, fourth.access_token)).open_id == fourth.open_id
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(issuer, app, second.refresh_token)
    with raises(Kind.INVALID_REFRESH_TOKEN):  # which was a replay
        await refresh(issuer, app, fourth.refresh_token)
    # A redemption that was lost has not been: the tokens are none, and the code is good.
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(issuer, redeemed.access_token)
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(issuer, app, redeemed.refresh_token)
    assert (await redeem(issuer, app, two.kept_code)).grant.id == redeemed.grant.id


def pair(tokens: Tokens) -> tuple[str, str]:
    return tokens.access_token, tokens.refresh_token
