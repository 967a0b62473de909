"""Daily quotas for what is not itself redeemed, refreshed or put in a slot."""

from lingpai.core.issuer_records import App, Terminal
from lingpai.issuer.context import Issuer
from lingpai.issuer.tokens import daily_quota, quota_exceeded


async def take_quota(issuer: Issuer, app: App, terminal: Terminal | None = None) -> None:
    """Take one from today's quota of an app and a terminal.

    Redeeming, refreshing and issuing take theirs by themselves.

    Raises:
        LingpaiError: LIMIT_REACHED.
    """
    quota = daily_quota(issuer, app.id, terminal.id if terminal else None)
    if quota is not None and not await issuer.store.take_quota(quota):
        raise quota_exceeded()
