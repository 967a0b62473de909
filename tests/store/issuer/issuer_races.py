"""What each process of a contest does with the issuer's store, straight under the verbs of the issuer.

Every race is for something that the parent prepared in round `number`; all processes begin a round together.
"""

import asyncio
import random
import time
from collections import Counter
from typing import Final, NamedTuple

import msgspec

from lingpai.core.handles import LEAST_SALT, MAX_SALT
from lingpai.core.issuer_records import FOREVER, Grant, GrantKind, GrantState, Member
from lingpai.store.issuer_port import (
    IssuerStore,
    Outcome,
    Quota,
    RequestKey,
    SignedRequest,
    SlotResult,
    Spent,
)
from lingpai.store.port import Store
from tests.issuer.engines import beside
from tests.store.contenders import Harness

NOW: Final = 1_700_000_000
LATER: Final = NOW + 86_400
CALLERS: Final = 16
"""Per process."""
LIMIT: Final = 20


class Span(NamedTuple):
    """One call as its caller saw it, by the machine's steady time, and what it made."""

    began: float
    ended: float
    row: int


def new_salt() -> int:
    """The salt of a new row."""
    return random.randint(LEAST_SALT, MAX_SALT)


def code(app: int, terminal: int | None = None) -> Grant:
    """A code that is out, of user 1."""
    fresh = Grant(realm="r", kind=GrantKind.USER, app=app, user=1, terminal=terminal, salt=new_salt())
    return msgspec.structs.replace(fresh, created_at=NOW, ends_at=NOW + 600)


def token(app: int, terminal: int | None = None) -> Grant:
    """A grant of the app itself (or of a terminal) that lives at once."""
    fresh = Grant(realm="r", kind=GrantKind.APP, app=app, terminal=terminal, salt=new_salt())
    return msgspec.structs.replace(fresh, state=GrantState.LIVE, generation=1, created_at=NOW, ends_at=LATER)


def quota(app: int, number: int) -> Quota:
    """The quota of a round, for less than all who race for it."""
    return Quota(app, number, NOW // 86_400, LIMIT, LATER)


def signed(app: int, number: int) -> SignedRequest:
    """The signed request of a round."""
    return SignedRequest(app, NOW, b"request %d" % number, LATER)


async def end_while_others_add(harness: Harness, store: Store, apps: list[int]) -> list[list[Span]]:
    """All add grants to an app while the first process ends all of it: that span, then those of the grants."""
    issuer = beside(store)
    rounds = []
    for app in apps:
        spans: list[Span] = []
        adding = [asyncio.create_task(_add_for_ever(issuer, app, spans)) for _ in range(4)]
        await _grown(spans, 20)
        await asyncio.to_thread(harness.barrier.wait)
        began = time.monotonic()
        if harness.number == 0:
            assert await issuer.end_all(app=app)
        ended = Span(began, time.monotonic(), 0)
        await asyncio.to_thread(harness.barrier.wait)
        await _grown(spans, len(spans) + 20)
        for task in adding:
            task.cancel()
        await asyncio.gather(*adding, return_exceptions=True)
        rounds.append([ended, *spans])
    return rounds


async def _add_for_ever(issuer: IssuerStore, app: int, spans: list[Span]) -> None:
    while True:
        began = time.monotonic()
        added = await issuer.add_grant(token(app))
        assert added is not None
        spans.append(Span(began, time.monotonic(), added.id))


async def _grown(spans: list[Span], count: int) -> None:
    while len(spans) < count:  # noqa: ASYNC110  the store is what is waited for
        await asyncio.sleep(0.001)


async def redeem(
    issuer: IssuerStore,
    row: int,
    keep: int | None,
    shared: Quota | None = None,
    request: SignedRequest | None = None,
) -> Spent:
    """Spend the code of this row, read first as the verb does."""
    view = await issuer.read_grant(row)
    assert view is not None
    return await issuer.redeem(view.grant, NOW, LATER, keep, shared, request=request)


async def take_quotas(harness: Harness, store: Store, codes: list[list[int]], app: int) -> list[int]:
    """A quota taken by redeeming, refreshing, placing and plainly, by all at once; how often each round."""
    issuer = beside(store)
    taken = []
    for number, rows in enumerate(codes):
        harness.barrier.wait()
        shared = quota(app, number)
        mine = rows[harness.number :: 4]
        answers: list[Spent | SlotResult] = await asyncio.gather(
            *(redeem(issuer, row, None, shared) for row in mine),
            *(
                issuer.take_slot(token(app, terminal=number * 100 + n), seen=None, keep=0, quota=shared)
                for n in range(4)
            ),
        )
        plain = await asyncio.gather(*(issuer.take_quota(shared) for _ in range(4)))
        taken.append(sum(answer.outcome is Outcome.DONE for answer in answers) + sum(plain))
    return taken


async def place_as_seen(
    harness: Harness, store: Store, rounds: int, app: int
) -> list[Counter[tuple[str, int]]]:
    """All place what they saw an empty place for; then, again and again, what they saw the last winner in."""
    issuer = beside(store)
    found = []
    for number in range(rounds):
        seen = 0
        for _ in range(3):
            harness.barrier.wait()
            grant = token(app, terminal=number + 1)
            answers = await asyncio.gather(
                *(issuer.take_slot(grant, seen=seen, keep=0, quota=None) for _ in range(CALLERS))
            )
            rows = [answer.grant.id if answer.grant else 0 for answer in answers]
            found.append(
                Counter((answer.outcome.value, row) for answer, row in zip(answers, rows, strict=True))
            )
            seen = rows[0]
    return found


async def redeem_for_a_place(harness: Harness, store: Store, codes: list[list[int]]) -> int:
    """All codes of a terminal are redeemed at once; how many were."""
    issuer = beside(store)
    done = 0
    for rows in codes:
        harness.barrier.wait()
        mine = rows[harness.number :: 4]
        answers = await asyncio.gather(*(redeem(issuer, row, 0) for row in mine))
        done += sum(answer.outcome is Outcome.DONE for answer in answers)
    return done


async def send_one_request(
    harness: Harness, store: Store, codes: list[list[int]], app: int
) -> list[Counter[str]]:
    """One signed request, with another code each time, and once without any."""
    issuer = beside(store)
    found = []
    for number, rows in enumerate(codes):
        harness.barrier.wait()
        request = signed(app, number)
        answers: list[Spent | SlotResult] = await asyncio.gather(
            *(redeem(issuer, row, 0, request=request) for row in rows[harness.number :: 4]),
            issuer.take_slot(token(app, terminal=number + 1), seen=None, keep=0, quota=None, request=request),
        )
        counts = Counter(answer.outcome.value for answer in answers)
        counts["remembered"] = await issuer.remember_request(request)
        found.append(counts)
    return found


async def show_one_key(harness: Harness, store: Store, terminals: list[int], app: int) -> list[int]:
    """One key that a terminal shows; how often it was good."""
    issuer = beside(store)
    good = []
    for terminal in terminals:
        harness.barrier.wait()
        grant = token(app, terminal=terminal)
        answers = await asyncio.gather(
            *(
                issuer.take_slot(grant, seen=None, keep=None, quota=None, key_digest=b"shown")
                for _ in range(CALLERS)
            )
        )
        good.append(sum(answer.outcome is Outcome.DONE for answer in answers))
        assert {answer.outcome for answer in answers} <= {Outcome.DONE, Outcome.GONE}
    return good


async def answer_one_request(harness: Harness, store: Store, rounds: int, app: int) -> list[set[int]]:
    """One authorization request a round; the grants that answer it."""
    issuer = beside(store)
    found = []
    for number in range(rounds):
        request = RequestKey(b"request %d" % number, LATER)
        harness.barrier.wait()
        answers = await asyncio.gather(*(issuer.answer_request(request, code(app)) for _ in range(CALLERS)))
        found.append({answer.grant or 0 for answer in answers})
    return found


async def refuse_one_request(harness: Harness, store: Store, rounds: int, app: int) -> list[set[int]]:
    """One authorization request a round, which some allow and some refuse; the grants that were taken back or stand."""
    issuer = beside(store)
    found = []
    for number in range(rounds):
        request = RequestKey(b"request %d" % number, LATER)
        harness.barrier.wait()
        answers = await asyncio.gather(
            *(issuer.answer_request(request, code(app)) for _ in range(CALLERS)),
            issuer.refuse_request(request),
        )
        found.append({answer.grant for answer in answers if answer is not None and answer.grant is not None})
    return found


async def attempt(harness: Harness, store: Store, rounds: int) -> list[int]:
    """Attempts with two subjects each, the second of which has the smaller limit; how many had room."""
    issuer = beside(store)
    passed = []
    for number in range(rounds):
        harness.barrier.wait()
        subjects = [(b"pair %d" % number, LIMIT), (b"all %d" % number, LIMIT - 10)]
        random.shuffle(subjects)
        answers = await asyncio.gather(*(issuer.take_attempts(subjects, NOW, LATER) for _ in range(CALLERS)))
        passed.append(sum(answer is None for answer in answers))
        assert {answer for answer in answers if answer is not None} <= {LATER}
    return passed


async def add_apps_to_users(harness: Harness, store: Store, members: list[int]) -> None:
    """Users add the app and take it back, several times each; in the end those with an even row have added it."""
    issuer = beside(store)
    for times in range(5):
        harness.barrier.wait()
        added = [times < 4 or row % 2 == 0 for row in members]
        if times % 2:
            added = [False] * len(members)
        mine = list(zip(members, added, strict=True))[harness.number :: 4]
        await asyncio.gather(*(issuer.save_consent(row, None, (), added=each) for row, each in mine))


async def open_members(harness: Harness, store: Store, app: int, users: list[int]) -> list[Member]:
    """All open the same members, each with open_ids of their own."""
    issuer = beside(store)
    harness.barrier.wait()
    return list(
        await asyncio.gather(
            *(
                issuer.open_member(
                    Member(
                        app=app, user=user, open_id=f"{user}-{harness.number}", union_id=f"u{harness.number}"
                    ),
                    "o",
                )
                for user in users
            )
        )
    )


async def purge_together(harness: Harness, store: Store) -> int:
    """How many grants this process removed."""
    issuer = beside(store)
    harness.barrier.wait()
    removed = 0
    while gone := await issuer.purge_issuer(FOREVER, 50):
        removed += gone
    return removed


async def do_anything(harness: Harness, store: Store, app: int, seed: int) -> Counter[str]:
    """Whatever takes several locks, in any order, on a few rows that all share."""
    issuer = beside(store)
    rng = random.Random(seed + harness.number)
    harness.barrier.wait()
    counts: Counter[str] = Counter()

    async def act() -> None:
        for _ in range(25):
            terminal = rng.randrange(1, 5)
            shared = Quota(app, rng.randrange(4), NOW // 86_400, 10**6, LATER)
            request = signed(app, rng.randrange(10**6)) if rng.random() < 0.5 else None
            if rng.random() < 0.5:
                placed = await issuer.take_slot(
                    token(app, terminal), seen=None, keep=60, quota=shared, request=request
                )
                counts[placed.outcome.value] += 1
                continue
            made = await issuer.add_grant(code(app, terminal))
            assert made is not None
            await issuer.redeem(made, NOW, LATER, 60, shared, request=request)
            view = await issuer.read_grant(made.id - rng.randrange(8))
            near = made if view is None else view.grant
            spent = await issuer.rotate(near, 1, NOW, LATER, 0, shared, end_replayed=rng.random() < 0.5)
            counts[spent.outcome.value] += 1

    await asyncio.gather(*(act() for _ in range(CALLERS)))
    return counts
