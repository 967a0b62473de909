"""What happens to accounts, for who listens: on `/v1/events`, and by webhooks."""

from typing import Any, Final

import msgspec

RENEWED: Final = "renewed"
DEAD: Final = "dead"
TROUBLE: Final = "account.trouble"
WELL: Final = "account.well"
LOW: Final = "budget.low"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to an account.

    Attributes:
        id: grows in the order in which events became so.
        at: unix time in seconds.
        type: which of those above; what was renewed, or is dead, is a token or a ticket by its kind.
        platform: of the account.
        account: its id there.
        label: of its secret; the first by name when several labels have the same.
        kind: which of its tokens or tickets; "" for a budget.
        version: of that.
        data: what else there is to say; never a value or a secret.
    """

    id: int
    at: float
    type: str
    platform: str
    account: str
    label: str
    kind: str
    version: int
    data: dict[str, Any]

    @property
    def app(self) -> str:
        """Return the account's name, as caller keys name it."""
        return f"{self.platform}/{self.account}" + (f"/{self.label}" if self.label else "")
