"""A realm in a contender's process: the same ring, the same data, the system's clock."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from lingpai.core.clock import SystemClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import Daily, Policy, SupersedePolicy
from tests.issuer.engines import ENGINES

POLICY = Policy(code=600, refresh=35 * 86400, replay_window=7200, keep=SupersedePolicy(user=None), daily=None)
LIMITED = Policy(
    code=600, refresh=35 * 86400, replay_window=7200, keep=SupersedePolicy(user=None), daily=Daily(20)
)
APP_ID = "100001"


@contextlib.asynccontextmanager
async def open_issuer(engine: str, home: Path, policy: Policy = POLICY) -> AsyncIterator[Issuer]:
    """An issuer on the store in `home`, as each process of a service opens one."""
    clock = SystemClock()
    ring = KeyRing.open_or_create(home / "keys" / "ring.json", clock.now())
    store = await ENGINES[engine](home, ring, clock)
    try:
        yield await Issuer.open("yilianyun", policy, store, ring, clock)
    finally:
        await store.close()
