"""Third-party platforms: what an operator sets down for one, who acts for an account, and what was pushed."""

import msgspec


class Via(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts for an account: a third-party platform that the merchant authorised.

    Attributes:
        platform: of the third-party platform's account, such as "wechat_component".
        account: its id there.
        rights: ids of what the merchant allowed: of WeChat's `func_info`, of WeCom the numbers of its apps.
        since: unix time in seconds of the newest authorization.
        name: the merchant's, where the platform gives it.
        brought_by: digest (hex) of the push or visit whose code brought the newest authorization, or "".
    """

    platform: str
    account: str
    rights: tuple[int, ...] = ()
    since: float = 0.0
    name: str = ""
    brought_by: str = ""


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a platform pushed and that is still to be done, or was done lately.

    Attributes:
        id: of its row; 0 before it is stored.
        digest: what makes it the same push.
        platform: of the third-party platform's account.
        account: its id there.
        content: what is to be done (JSON); "" when it is done. Encrypted in the store.
        at: unix time in seconds at which it came.
        next_at: unix time before which nobody begins with it.
        attempts: how often somebody began.
        outcome: what came of it, or why it failed last.
    """

    id: int = 0
    digest: bytes
    platform: str
    account: str
    content: str
    at: float
    next_at: float
    attempts: int = 0
    outcome: str = ""

    def __repr__(self) -> str:
        """Return a text without the content."""
        return f"Push({self.platform}/{self.account})"
