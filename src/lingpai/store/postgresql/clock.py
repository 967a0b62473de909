"""The time that all nodes of one database share: the database's."""

from typing import Final

from typing_extensions import override

from lingpai.core.clock import Clock
from lingpai.store.postgresql.engine import Engine

_LOOKS: Final = 5
_NOW: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"
_EPOCH: Final = """
SELECT format('postgresql-%s-%s', c.system_identifier, d.oid)
FROM pg_control_system() AS c, pg_database AS d WHERE d.datname = current_database()
"""


class SharedClock(Clock):
    """A clock that shows the database's unix time as it was found once, and then goes on with a machine's steady time.

    So ends, leases and windows mean the same on every node, whatever each node's wall clock shows, and no later step
    of any wall clock, the database's included, moves them. `now` and `steady` are the same number.

    Args:
        base: the machine's own clock.
        epoch: names the database.
        offset: seconds from the machine's steady time to the database's unix time.
    """

    def __init__(self, base: Clock, epoch: str, offset: float) -> None:
        self.epoch = epoch
        self._base = base
        self._offset = offset

    @override
    def now(self) -> float:
        return self._base.steady() + self._offset

    @override
    def steady(self) -> float:
        return self._base.steady() + self._offset

    @override
    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)


async def shared_clock(engine: Engine, base: Clock) -> SharedClock:
    """The clock of the engine's database, by the quickest of a few looks at it.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    ((epoch,),) = await engine.rows(_EPOCH)
    looks: list[tuple[float, float]] = []
    for _ in range(_LOOKS):
        asked = base.steady()
        ((shown,),) = await engine.rows(_NOW)
        answered = base.steady()
        looks.append((answered - asked, shown - (asked + answered) / 2))
    return SharedClock(base, epoch, min(looks)[1])
