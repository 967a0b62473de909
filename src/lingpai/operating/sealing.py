"""Count and re-encrypt the values that each key of the ring encrypts, of both wings."""

from collections import Counter
from collections.abc import Callable

from lingpai.core.audit import Change
from lingpai.core.keyring import LOOK_SECONDS
from lingpai.keeper.keeper import Keeper
from lingpai.store.opening import issuer_beside
from lingpai.store.port import Store

BATCH = 500
SETTLED = 2 * LOOK_SECONDS
"""Seconds after a rotation until no worker encrypts with the previous key."""


async def count_sealed(keeper: Keeper) -> dict[int, int]:
    """Return the number of stored values that each key of the ring encrypts, by the key's id.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    counts = Counter(await keeper.store.sealed_counts())
    counts.update(await issuer_beside(keeper.store).sealed_secrets())
    return dict(counts)


async def reseal(
    keeper: Keeper, advance: Callable[[int], None], change: Change, *, always: bool = False
) -> int:
    """Encrypt every value again that is not encrypted with the newest key; return the number of values.

    Args:
        keeper: has the store and the ring.
        advance: called with the number just done.
        change: recorded in the transaction that encrypts the first values.
        always: whether it is recorded also when there are no values.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
        SealError: the store and the ring do not belong together.
    """
    resealed, recorded = 0, False
    for verb in (_reseal, _reseal_secrets):
        while True:
            happened: Callable[[object], bool] = (lambda _done: True) if always else bool
            done = await verb(keeper.store if recorded else keeper.recording(change, happened))
            recorded = recorded or always or bool(done)
            if not done:
                break
            resealed += done
            advance(done)
    return resealed


async def _reseal(store: Store) -> int:
    return await store.reseal(BATCH)


async def _reseal_secrets(store: Store) -> int:
    return await issuer_beside(store).reseal_secrets(BATCH)


async def settle(keeper: Keeper) -> None:
    """Wait until every worker has read the newest key, and no longer encrypts with an older one.

    The wait is the same for a newest key of the future (the clock was set back).
    """
    age = keeper.clock.now() - keeper.ring.newest.created_at
    if age < SETTLED:
        await keeper.clock.sleep(min(SETTLED, SETTLED - age))
