"""The keeper: its context, and the services over it."""

import dataclasses

from lingpai.keeper.context import Context
from lingpai.keeper.credentials import Credentials
from lingpai.keeper.doubts import Doubts
from lingpai.keeper.forwarding.guard import Guard
from lingpai.keeper.forwarding.phantoms import Phantoms
from lingpai.keeper.proofs import Proofs
from lingpai.keeper.relay.codes import RelayedCodes
from lingpai.keeper.relay.logins import Logins
from lingpai.keeper.waits import Waits

SAVING = 2.0
"""Seconds to save an answer in."""


@dataclasses.dataclass
class Keeper(Context):
    """The token hub of one process.

    Attributes:
        proofs: which secrets, of apps that nobody configured, the platform has accepted.
        credentials: gets, fetches and renews tokens and tickets.
        doubts: how fast callers fetch the same value again.
        waits: callers that wait for a change.
        phantoms: makes and reads phantom tokens.
        guard: how much is forwarded at once.
        relayed_codes: makes and reads login codes in the place of a platform's.
        logins: logins that are relayed to environments.
    """

    proofs: Proofs = dataclasses.field(init=False)
    credentials: Credentials = dataclasses.field(init=False)
    doubts: Doubts = dataclasses.field(init=False)
    waits: Waits = dataclasses.field(default_factory=Waits, init=False)
    phantoms: Phantoms = dataclasses.field(init=False)
    guard: Guard = dataclasses.field(init=False)
    relayed_codes: RelayedCodes = dataclasses.field(init=False)
    logins: Logins = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Build the services over the context."""
        super().__post_init__()
        self.proofs = Proofs(self)
        self.credentials = Credentials(self, self.proofs)
        self.doubts = Doubts(self.options.report_apart)
        self.phantoms = Phantoms(self.ring, self.clock)
        self.guard = Guard(self.options.forward, self.clock.steady)
        self.relayed_codes = RelayedCodes(self.ring, self.clock)
        self.logins = Logins(self)

    async def close(self, patience: float | None = None) -> None:
        """End the background tasks and close the client; the store is its owner's to close.

        Code exchanges are awaited: their codes would be lost. So are fetches under a lease: the request may have
        replaced a token, and then only its answer has the new one.

        Args:
            patience: seconds to wait for fetches at most; as long as one call may take when None.
        """
        longest = max([self.upstream.total, *(each.way_out.timeout or 0 for each in self.platforms.values())])
        await self.background.shutdown(longest + SAVING if patience is None else patience)
        await self.upstream.close()
        self.audit.flush()
