"""Running workers: each writes its name to the store at intervals, for operators."""

import os
import socket
from typing import NamedTuple

from lingpai.keeper.keeper import Keeper

ROLE_PREFIX = "worker/"
TTL = 60.0
EVERY = 20.0


class Worker(NamedTuple):
    """A worker that runs, or ran within the last minute (`TTL`) if it was killed.

    Attributes:
        node: the name of its machine or container.
        process: its process id there.
        leads: whether it is the one that renews tokens.
    """

    node: str
    process: int
    leads: bool

    @property
    def name(self) -> str:
        """`node:process`."""
        return f"{self.node}:{self.process}"


async def announce(keeper: Keeper) -> None:
    """Say for the next `TTL` seconds that this worker runs.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    await keeper.store.lead(ROLE_PREFIX + keeper.process, _here(), TTL)


async def withdraw(keeper: Keeper) -> None:
    """Say that this worker runs no more.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    await keeper.store.resign(ROLE_PREFIX + keeper.process, _here())


async def list_workers(keeper: Keeper, leading: str) -> tuple[Worker, ...]:
    """The workers of all nodes, by name.

    Args:
        keeper: the keeper.
        leading: the role whose holder leads.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    roles = await keeper.store.list_role_holders()
    leaders = {each.holder for each in roles if each.role == leading}
    found: list[Worker] = []
    for each in roles:
        if each.role.startswith(ROLE_PREFIX):
            node, _, process = each.holder.rpartition(":")
            found.append(Worker(node, int(process), each.role.removeprefix(ROLE_PREFIX) in leaders))
    return tuple(sorted(found))


def _here() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
