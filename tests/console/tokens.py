"""Stored tokens for the console to show."""

from lingpai.core.clock import end_after
from lingpai.core.records import Account, Lease, Trouble
from lingpai.store.port import Fetched
from tests.console.surfing import Keeping

LIFETIME = 7200.0


async def hold(
    desk: Keeping, account: str, *, lifetime: float = LIFETIME, trouble: Trouble | None = None
) -> str:
    """Add an account with a token; return its value."""
    await desk.keeper.store.save_account(_account(account))
    value = await renew(desk, account, lifetime=lifetime)
    if trouble is not None:
        lease = await _lease(desk, account)
        assert await desk.keeper.store.save_trouble(lease, trouble, end_after(desk.keeper.clock, 60.0))
    return value


async def renew(desk: Keeping, account: str, *, lifetime: float = LIFETIME) -> str:
    """Store the next token of an account; return its value."""
    keeper, value = desk.keeper, f"token-of-{account}-{unlike_others()}"
    fetched = Fetched(value, end_after(keeper.clock, lifetime), lifetime, keeper.clock.now())
    ends = end_after(keeper.clock, 300.0), end_after(keeper.clock, lifetime / 2)
    assert await keeper.store.save_generation(await _lease(desk, account), fetched, *ends) is not None
    return value


def _account(account: str) -> Account:
    return Account(platform="wechat", account=account, label="", secret="0" * 32)


async def _lease(desk: Keeping, account: str) -> Lease:
    keeper = desk.keeper
    key = keeper.app_of(_account(account)).key("access_token")
    lease, _ = await keeper.store.acquire_lease(key, "test", 99, 30.0)
    assert lease is not None
    return lease


def trouble_of(
    desk: Keeping, message: str = "invalid ip 10.0.0.9, not in whitelist", code: int = 40164
) -> Trouble:
    clock = desk.keeper.clock
    retry = end_after(clock, 60.0)
    return Trouble(permanent=True, code=code, message=message, count=3, since=clock.now(), retry=retry)


_made = iter(range(1_000_000))


def unlike_others() -> str:
    """A part of a value that no other has."""
    return f"{next(_made):06}"
