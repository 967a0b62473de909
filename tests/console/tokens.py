"""Stored tokens for the console to show."""

from lingpai.core.clock import end_after
from lingpai.core.records import Account, Trouble
from lingpai.store.port import Fetched
from tests.console.surfing import Desk

LIFETIME = 7200.0


async def hold(
    desk: Desk,
    account: str,
    *,
    lifetime: float = LIFETIME,
    trouble: Trouble | None = None,
    secret: str = "0" * 32,
) -> str:
    """Add an account with a token; return its value."""
    keeper, value = desk.keeper, f"token-of-{account}-{unlike_others()}"
    added = Account(platform="wechat", account=account, label="", secret=secret)
    await keeper.store.save_account(added)
    key = keeper.app_of(added).key("access_token")
    lease, _ = await keeper.store.acquire_lease(key, "test", 99, 30.0)
    assert lease is not None
    fetched = Fetched(value, end_after(keeper.clock, lifetime), lifetime, keeper.clock.now())
    ends = end_after(keeper.clock, 300.0), end_after(keeper.clock, lifetime / 2)
    assert await keeper.store.save_generation(lease, fetched, *ends) is not None
    if trouble is not None:
        lease, _ = await keeper.store.acquire_lease(key, "test", 99, 30.0)
        assert lease is not None
        assert await keeper.store.save_trouble(lease, trouble, ends[1])
    return value


def trouble_of(
    desk: Desk, message: str = "invalid ip 10.0.0.9, not in whitelist", code: int = 40164
) -> Trouble:
    clock = desk.keeper.clock
    retry = end_after(clock, 60.0)
    return Trouble(permanent=True, code=code, message=message, count=3, since=clock.now(), retry=retry)


_made = iter(range(1_000_000))


def unlike_others() -> str:
    """A part of a value that no other has."""
    return f"{next(_made):06}"
