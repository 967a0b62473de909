"""Wrong secrets of apps and terminals: counted in the store, held against whoever guessed and nobody else."""

import asyncio

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.keyring import KeyRing
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Throttling
from lingpai.issuer.throttle import FRESH, PROVEN, LocalThrottle
from lingpai.issuer.verbs import terminals
from lingpai.issuer.verbs.apps import authenticate_app
from lingpai.store.issuer_port import Attempts, IssuerStore, Owner
from tests.helpers.passwords import CHEAP
from tests.issuer.engines import count_commits, execute, rows_of
from tests.issuer.harness import Harness, raises

HERE = "198.51.100.7"
LIMITS = Throttling(seconds=60, pair=4, address=6)


@pytest.fixture
def limited(harness: Harness) -> Harness:
    harness.issuer.policy = msgspec.structs.replace(
        harness.issuer.policy, authentication=LIMITS, terminals=LIMITS
    )
    return harness


async def another_process(harness: Harness, store: IssuerStore, ring: KeyRing, clock: VirtualClock) -> Issuer:
    return await Issuer.open("yzb", harness.issuer.policy, store, ring, clock, Passwords(CHEAP))


async def guess(issuer: Issuer, app_id: str, address: str = HERE) -> Kind:
    with pytest.raises(LingpaiError) as refused:
        await authenticate_app(issuer, app_id, "wrong", address)
    return refused.value.kind


@pytest.mark.threat("D46")
async def test_wrong_secrets_are_counted_by_all_processes_and_over_restarts(
    limited: Harness, store: IssuerStore, ring: KeyRing, clock: VirtualClock
) -> None:
    app_id = limited.app.app_id
    other = await another_process(limited, store, ring, clock)
    for issuer in (limited.issuer, other) * (LIMITS.pair // 2):
        assert await guess(issuer, app_id) is Kind.INVALID_CLIENT
    for issuer in (limited.issuer, other, await another_process(limited, store, ring, clock)):
        with pytest.raises(LingpaiError) as refused:
            await authenticate_app(issuer, app_id, limited.secret, HERE)
        assert (refused.value.kind, refused.value.retry_after) == (Kind.TOO_MANY_REQUESTS, 60)
        await authenticate_app(issuer, app_id, limited.secret, "203.0.113.9")
    clock.advance(60)
    for issuer in (limited.issuer, other):
        await authenticate_app(issuer, app_id, limited.secret, HERE)


@pytest.mark.threat("D46")
async def test_what_other_processes_count_is_met_within_a_second(
    limited: Harness, store: IssuerStore, ring: KeyRing, clock: VirtualClock
) -> None:
    app_id = limited.app.app_id
    other = await another_process(limited, store, ring, clock)
    await authenticate_app(other, app_id, limited.secret, HERE)
    for _ in range(LIMITS.pair):
        await guess(limited.issuer, app_id)
    clock.advance(FRESH)
    with raises(Kind.TOO_MANY_REQUESTS):
        await authenticate_app(other, app_id, limited.secret, HERE)


async def test_a_right_secret_writes_nothing_and_mostly_reads_nothing(
    limited: Harness, store: IssuerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits, looks = count_commits(store, monkeypatch), []
    read = store.read_attempts

    async def counted(*given: object) -> tuple[Attempts, ...]:
        looks.append(given)
        return await read(*given)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(store, "read_attempts", counted)
    for _ in range(5):
        await authenticate_app(limited.issuer, limited.app.app_id, limited.secret, HERE)
    assert (len(commits), len(looks)) == (0, 1)


@pytest.mark.threat("D46")
async def test_an_ipv6_network_is_one_guesser(limited: Harness) -> None:
    for number in range(LIMITS.pair):
        assert await guess(limited.issuer, limited.app.app_id, f"2001:db8::{number:x}") is Kind.INVALID_CLIENT
    assert await guess(limited.issuer, limited.app.app_id, "2001:db8::ffff") is Kind.TOO_MANY_REQUESTS
    await authenticate_app(limited.issuer, limited.app.app_id, limited.secret, "2001:db8:0:1::1")


async def lock_address(harness: Harness, issuer: Issuer) -> None:
    for number in range(LIMITS.address):
        assert await guess(issuer, f"app-{number}") is Kind.INVALID_CLIENT
    assert await guess(issuer, "app") is Kind.TOO_MANY_REQUESTS


@pytest.mark.threat("D46")
async def test_one_apps_wrong_secret_locks_out_no_other_app_that_was_right_there_before(
    limited: Harness, store: IssuerStore, ring: KeyRing, clock: VirtualClock
) -> None:
    app_id, right = limited.app.app_id, limited.secret
    stranger, secret = await admin.add_app(limited.issuer, App(realm="yzb", app_id=""))
    await authenticate_app(limited.issuer, app_id, right, HERE)
    await lock_address(limited, limited.issuer)
    await authenticate_app(limited.issuer, app_id, right, HERE)  # which is written down, as others fail there
    with raises(Kind.TOO_MANY_REQUESTS):
        await authenticate_app(limited.issuer, stranger.app_id, secret, HERE)
    again = await another_process(limited, store, ring, clock)
    await authenticate_app(again, app_id, right, HERE)
    mark = limited.issuer.throttle._mark(HERE)
    now = limited.issuer.now()
    assert await store.find_marks(Owner.APP, limited.app.id, [mark], now + PROVEN - 1) == {mark}
    assert await store.find_marks(Owner.APP, limited.app.id, [mark], now + PROVEN) == frozenset()
    await store.remove_app(limited.app.id)
    assert await rows_of(store, "SELECT digest FROM issuer_marks") == []


async def test_guesses_at_the_same_time_are_no_more_than_one_by_one(limited: Harness) -> None:
    app_id = limited.app.app_id
    outcomes = await asyncio.gather(*(guess(limited.issuer, app_id) for _ in range(20)))
    assert outcomes.count(Kind.INVALID_CLIENT) == LIMITS.pair


@pytest.mark.threat("D46")
async def test_secrets_of_terminals_are_counted_by_all_processes(
    limited: Harness, store: IssuerStore, ring: KeyRing, clock: VirtualClock
) -> None:
    async def scan(issuer: Issuer, msign: str, code: str = "4004001") -> None:
        await terminals.authorize_by_secret(issuer, limited.app, code, msign, "all")

    for _ in range(LIMITS.pair):
        with raises(Kind.WRONG_TERMINAL_SECRET):
            await scan(limited.issuer, "wrong")
    other = await another_process(limited, store, ring, clock)
    for issuer in (limited.issuer, other):
        with raises(Kind.TOO_MANY_REQUESTS):
            await scan(issuer, "terminal secret")
    for number in range(LIMITS.address - LIMITS.pair):
        with raises(Kind.WRONG_TERMINAL_SECRET):
            await scan(other, "wrong", f"invented {number}")
    with raises(Kind.TOO_MANY_REQUESTS):
        await scan(limited.issuer, "wrong", "another")
    assert (await terminals.check_secret_of(other, "4004001", "terminal secret")).id == limited.terminal.id
    clock.advance(60)
    await scan(other, "terminal secret")


@pytest.mark.threat("D46")
async def test_invented_names_take_a_bounded_part_of_the_store(limited: Harness) -> None:
    store, most = limited.issuer.store, 100_000
    counting = f"SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {most + 300}"
    series = f"(WITH RECURSIVE s (n) AS ({counting}) SELECT n FROM s)"
    digest = "CAST(printf('%08d', n) AS BLOB)"
    if type(store).__name__.startswith("Postgres"):
        series, digest = f"generate_series(1, {most + 300}) AS n", "decode(lpad(n::text, 8, '0'), 'hex')"
    now = limited.issuer.now()
    await execute(
        store,
        f"INSERT INTO issuer_attempts (digest, used, ends_at) SELECT {digest}, 1, {now} + n FROM {series}",
    )
    assert await store.purge_issuer(now, 200) == 200
    while await store.purge_issuer(now, 200):
        pass
    assert await rows_of(store, "SELECT count(*), min(ends_at) FROM issuer_attempts") == [(most, now + 301)]


@pytest.mark.threat("D46")
def test_an_empty_name_is_no_address(clock: VirtualClock) -> None:
    throttle = LocalThrottle(clock, Throttling(seconds=60, pair=3, address=100))
    for _ in range(3):
        throttle.fail("", "")
    with raises(Kind.TOO_MANY_REQUESTS):
        throttle.admit("", "")
    throttle.admit("a", "")
    for number in range(3):
        throttle.fail("a", f"2001:db8::{number:x}")
    with raises(Kind.TOO_MANY_REQUESTS):
        throttle.admit("a", "2001:db8::ffff")
