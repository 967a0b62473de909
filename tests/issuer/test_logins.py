"""Attempts to log in: what counts, for whom, and who is never shut out."""

import asyncio

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Throttling
from lingpai.issuer.throttle import MOST_MARKS
from lingpai.issuer.verbs.login import KNOWN, login
from lingpai.store.issuer_port import IssuerStore
from tests.helpers.passwords import CHEAP
from tests.issuer.engines import rows_of
from tests.issuer.harness import Harness, raises

RIGHT = "correct horse"
LIMITS = Throttling(seconds=900, pair=3, account=6, address=9, form=5)
BROWSER = "0123456789abcdef" * 2


@pytest.fixture
def limited(harness: Harness) -> Harness:
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, login=LIMITS)
    return harness


async def fail(harness: Harness, name: str, address: str, *, browser: str = "", form: str = "") -> Kind:
    with pytest.raises(LingpaiError) as refused:
        await login(harness.issuer, name, "wrong", address, browser=browser, form=form)
    return refused.value.kind


async def lock_account(harness: Harness, name: str = "ann") -> None:
    """Fail from as many addresses as it takes, until a stranger is refused the right password."""
    for number in range(LIMITS.account):
        assert await fail(harness, name, f"203.0.113.{number}") is Kind.LOGIN_FAILED
    with raises(Kind.TOO_MANY_REQUESTS):
        await login(harness.issuer, name, RIGHT, "198.51.100.200")


@pytest.mark.threat("B23")
async def test_any_number_of_users_behind_one_address_log_in(limited: Harness) -> None:
    for number in range(LIMITS.address + 5):
        await admin.add_user(limited.issuer, f"user-{number}", RIGHT)
        assert (await login(limited.issuer, f"user-{number}", RIGHT, "198.51.100.7")).user is not None


@pytest.mark.threat("B23")
async def test_one_account_logs_in_rightly_any_number_of_times(limited: Harness) -> None:
    for number in range(LIMITS.account + 5):
        await login(limited.issuer, "ann", RIGHT, f"198.51.100.{number}")
    for _ in range(LIMITS.account + 5):
        await login(limited.issuer, "ann", RIGHT, "198.51.100.7", form="one form")
    await lock_account(limited)  # and no failure was forgiven by that


@pytest.mark.threat("B23")
async def test_a_right_login_forgives_nobody_elses_failures(limited: Harness) -> None:
    for number in range(LIMITS.address - 1):
        assert await fail(limited, f"nobody-{number}", "198.51.100.7") is Kind.LOGIN_FAILED
    await login(limited.issuer, "ann", RIGHT, "198.51.100.7")
    assert await fail(limited, "nobody", "198.51.100.7") is Kind.LOGIN_FAILED
    assert await fail(limited, "somebody", "198.51.100.7") is Kind.TOO_MANY_REQUESTS


@pytest.mark.threat("B23")
async def test_addresses_of_one_ipv6_network_are_one_caller(limited: Harness) -> None:
    for number in range(LIMITS.pair):
        assert await fail(limited, "ann", f"2001:db8:0:1::{number:x}") is Kind.LOGIN_FAILED
    assert await fail(limited, "ann", "2001:db8:0:1:ffff::1") is Kind.TOO_MANY_REQUESTS
    await login(limited.issuer, "ann", RIGHT, "2001:db8:0:2::1")


@pytest.mark.threat("B23")
async def test_a_locked_account_is_open_to_a_network_that_logged_in_before(limited: Harness) -> None:
    await login(limited.issuer, "ann", RIGHT, "198.51.100.7")
    await lock_account(limited)
    await login(limited.issuer, "ann", RIGHT, "198.51.100.7")
    with raises(Kind.TOO_MANY_REQUESTS):
        await login(limited.issuer, "ann", RIGHT, "198.51.100.8")


@pytest.mark.threat("B23")
async def test_a_locked_address_is_open_to_who_logged_in_there_before(limited: Harness) -> None:
    await login(limited.issuer, "ann", RIGHT, "198.51.100.7")
    for number in range(LIMITS.address):
        assert await fail(limited, f"nobody-{number}", "198.51.100.7") is Kind.LOGIN_FAILED
    assert await fail(limited, "nobody", "198.51.100.7") is Kind.TOO_MANY_REQUESTS
    await login(limited.issuer, "ann", RIGHT, "198.51.100.7")


@pytest.mark.threat("B23")
async def test_a_browser_that_logged_in_before_is_shut_out_by_nobody(limited: Harness) -> None:
    await login(limited.issuer, "ann", RIGHT, "198.51.100.7", browser=BROWSER)
    for _ in range(LIMITS.pair):
        assert await fail(limited, "ann", "198.51.100.7") is Kind.LOGIN_FAILED  # somebody at the same address
    assert await fail(limited, "ann", "198.51.100.7") is Kind.TOO_MANY_REQUESTS
    await lock_account(limited)
    for address in ("198.51.100.7", "203.0.113.1", "192.0.2.1"):
        await login(limited.issuer, "ann", RIGHT, address, browser=BROWSER)


@pytest.mark.threat("B23")
async def test_what_a_known_browser_guesses_counts_and_is_no_key_to_other_accounts(limited: Harness) -> None:
    await login(limited.issuer, "ann", RIGHT, "198.51.100.7", browser=BROWSER)
    for _ in range(LIMITS.pair):
        assert await fail(limited, "ann", "192.0.2.1", browser=BROWSER) is Kind.LOGIN_FAILED
    assert await fail(limited, "ann", "192.0.2.2", browser=BROWSER) is Kind.TOO_MANY_REQUESTS
    await admin.add_user(limited.issuer, "bob", RIGHT)
    await lock_account(limited, "bob")
    assert await fail(limited, "bob", "198.51.100.7", browser=BROWSER) is Kind.TOO_MANY_REQUESTS


@pytest.mark.threat("B23")
async def test_an_unknown_name_has_no_known_browsers(limited: Harness) -> None:
    for _ in range(LIMITS.pair):
        assert await fail(limited, "nobody", "192.0.2.1", browser=BROWSER) is Kind.LOGIN_FAILED
    assert await fail(limited, "nobody", "192.0.2.1", browser=BROWSER) is Kind.TOO_MANY_REQUESTS


@pytest.mark.threat("B23")
async def test_who_was_removed_is_known_no_longer(limited: Harness, clock: VirtualClock) -> None:
    await login(limited.issuer, "ann", RIGHT, "198.51.100.7", browser=BROWSER)
    assert len(await rows_of(limited.issuer.store, "SELECT digest FROM issuer_marks")) == 2
    await limited.issuer.store.remove_user(limited.user.id, limited.issuer.now())
    assert await rows_of(limited.issuer.store, "SELECT digest FROM issuer_marks") == []
    await admin.add_user(limited.issuer, "ann", RIGHT)
    await login(limited.issuer, "ann", RIGHT, "198.51.100.7")
    clock.advance(KNOWN)
    await lock_account(limited)
    with raises(Kind.TOO_MANY_REQUESTS):
        await login(limited.issuer, "ann", RIGHT, "198.51.100.7")


@pytest.mark.threat("B23")
async def test_so_many_marks_are_kept_of_a_user(limited: Harness, clock: VirtualClock) -> None:
    for number in range(MOST_MARKS + 3):
        clock.advance(1)
        await login(limited.issuer, "ann", RIGHT, f"198.51.100.{number}")
    assert len(await rows_of(limited.issuer.store, "SELECT digest FROM issuer_marks")) == MOST_MARKS
    await lock_account(limited)
    await login(limited.issuer, "ann", RIGHT, "198.51.100.3")
    with raises(Kind.TOO_MANY_REQUESTS):
        await login(limited.issuer, "ann", RIGHT, "198.51.100.2")


@pytest.mark.threat("B23")
async def test_no_name_shares_a_throttle_with_an_address(limited: Harness) -> None:
    """However names and addresses are put together, what they are counted as differs."""
    for name in ("*", "ann", ""):
        for address in ("*", "198.51.100.7", "198.51.100.7 *", "* ann"):
            assert await fail(limited, name, address) is Kind.LOGIN_FAILED
    counted = await rows_of(limited.issuer.store, "SELECT used FROM issuer_attempts ORDER BY used")
    assert [used for (used,) in counted] == [1] * 12 + [3] * 4 + [4] * 3


@pytest.mark.threat("B23")
async def test_failures_are_counted_by_all_processes_and_over_restarts(
    limited: Harness, store: IssuerStore, ring: KeyRing, clock: VirtualClock
) -> None:
    for _ in range(LIMITS.pair):
        assert await fail(limited, "ann", "198.51.100.7") is Kind.LOGIN_FAILED
    again = await Issuer.open("yzb", limited.issuer.policy, store, ring, clock, Passwords(CHEAP))
    with raises(Kind.TOO_MANY_REQUESTS):
        await login(again, "ann", RIGHT, "198.51.100.7")
    other = await Issuer.open("other", limited.issuer.policy, store, ring, clock, Passwords(CHEAP))
    await admin.add_user(other, "ann", RIGHT)
    await login(other, "ann", RIGHT, "198.51.100.7")  # of another realm


@pytest.mark.threat("B23")
async def test_one_form_is_good_for_a_few_attempts(limited: Harness) -> None:
    for number in range(LIMITS.form):
        assert await fail(limited, "ann", f"203.0.113.{number}", form="a") is Kind.LOGIN_FAILED
    assert await fail(limited, "ann", "203.0.113.99", form="a") is Kind.TOO_MANY_REQUESTS
    assert await fail(limited, "ann", "203.0.113.99", form="b") is Kind.LOGIN_FAILED


async def test_guesses_at_the_same_time_are_no_more_than_one_by_one(limited: Harness) -> None:
    outcomes = await asyncio.gather(*(fail(limited, "ann", "198.51.100.7") for _ in range(12)))
    assert outcomes.count(Kind.LOGIN_FAILED) == LIMITS.pair
