"""What the keys of the ring seal, in both wings of the store."""

from collections import Counter
from collections.abc import Callable

from lingpai.core.keyring import LOOK_SECONDS
from lingpai.keeper.keeper import Keeper
from lingpai.service import issuer_store_of

BATCH = 500
SETTLED = 2 * LOOK_SECONDS
"""Seconds after a rotation from which on no worker seals with the key before, and none is about to."""


async def count_sealed(keeper: Keeper) -> dict[int, int]:
    """How many stored values each key of the ring seals, by the key's id.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    counts = Counter(await keeper.store.sealed_counts())
    counts.update(await issuer_store_of(keeper).sealed_secrets())
    return dict(counts)


async def reseal(keeper: Keeper, advance: Callable[[int], None]) -> int:
    """Seal everything anew that is not sealed with the newest key; returns how many values that were.

    Args:
        keeper: whose store and ring.
        advance: told how many were just done.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
        SealError: the store and the ring do not belong together.
    """
    resealed = 0
    for verb in (keeper.store.reseal, issuer_store_of(keeper).reseal_secrets):
        while done := await verb(BATCH):
            resealed += done
            advance(done)
    return resealed


async def settle(keeper: Keeper) -> None:
    """Wait until every worker has met the newest key: what it seals from then on is not lost with an older one.

    A newest key of the future (the clock was set back) is waited for no longer than any other.
    """
    age = keeper.clock.now() - keeper.ring.newest.created_at
    if age < SETTLED:
        await keeper.clock.sleep(min(SETTLED, SETTLED - age))
