"""Verbs on relays. The rules of `store.port.Store` apply, which this is a part of."""

from collections.abc import Mapping
from typing import Protocol

from lingpai.core.relays import Answered, Copy, Environment, Relay, RelayMessage, Waiting


class Relays(Protocol):
    """Verbs on relays, environments, and the messages on their way to these."""

    async def find_relay(self, app: str) -> Relay | None:
        """The relay of an account."""
        ...

    async def list_relays(self) -> tuple[Relay, ...]:
        """All relays, by the account's name."""
        ...

    async def replace_relay(self, known: Relay | None, relay: Relay) -> bool:
        """Add a relay (`known` is None), or change one that still is as `known`. False when it is not."""
        ...

    async def remove_relay(self, app: str) -> bool:
        """Remove a relay. False when there is none."""
        ...

    async def find_environment(self, name: str) -> Environment | None:
        """The environment of this name."""
        ...

    async def list_environments(self) -> tuple[Environment, ...]:
        """All environments, by name."""
        ...

    async def replace_environment(self, known: Environment | None, environment: Environment) -> bool:
        """As `replace_relay`."""
        ...

    async def remove_environment(self, name: str) -> bool:
        """Remove an environment with the copies that wait for it. False when there is none."""
        ...

    async def take_message(self, push: RelayMessage, copies: Mapping[str, float]) -> RelayMessage | None:
        """Keep a message, with a copy for each of these environments that is due at that time (unix seconds).

        None when it is kept now; what was kept before when it was there already, and nothing is added.
        """
        ...

    async def find_message(self, digest: bytes) -> RelayMessage | None:
        """The message of this digest."""
        ...

    async def answer_message(self, digest: bytes, answer: Answered, environment: str = "") -> None:
        """Write down what the platform is answered, unless it was before; `environment` waits for no copy any more."""
        ...

    async def waiting_copies(self) -> Mapping[str, Waiting]:
        """What waits, by environment."""
        ...

    async def due_copies(self, environment: str, now: float, limit: int) -> tuple[Copy, ...]:
        """The copies that are due (unix seconds), the oldest first."""
        ...

    async def end_copy(self, copy_id: int) -> None:
        """Remove a copy: it was delivered, or given up."""
        ...

    async def delay_copy(self, copy_id: int, attempts: int, next_at: float) -> None:
        """Put a copy off until then (unix seconds)."""
        ...
