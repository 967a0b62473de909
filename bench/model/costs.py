"""Measured costs, read from ``bench/latest.json`` and ``bench/growth.json``."""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench.cases import APP_TOKEN, CHECK, ISSUER, LINGPAI, PACED, REDEEM, REFRESH
from bench.contenders.engines import POSTGRESQL, Setup
from bench.figures import Row, row_name
from bench.growth.points import GROWTH, HELD, Growth
from bench.model.queueing import contention
from bench.places import LATEST

VERBS = ("getXcx", CHECK, REFRESH, APP_TOKEN, REDEEM)
WRITES = frozenset({REFRESH, APP_TOKEN, REDEEM})
_MICRO = 1e-6


class MissingFigureError(Exception):
    """A figure was not measured; the message says which, and what measures it."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one answer costs, in seconds.

    Attributes:
        node: CPU time of Lingpai.
        database: CPU time of the database's own processes; 0 with the embedded store.
        load: CPU time of the load that measured it, which matters where they shared cores.
    """

    node: float
    database: float
    load: float

    @property
    def total(self) -> float:
        """All CPU time but the load's."""
        return self.node + self.database


class Measured:
    """The figures of the last measurements.

    Args:
        rows: of ``latest.json``.
        growth: of ``growth.json``.
    """

    def __init__(self, rows: Sequence[Row], growth: Growth) -> None:
        self._rows: Mapping[str, Row] = {row.name: row for row in rows}
        self.growth = growth

    @classmethod
    def read(cls, latest: Path = LATEST, growth: Path = GROWTH) -> "Measured":
        """What the files hold; nothing where there is none."""
        rows = msgspec.json.decode(latest.read_bytes(), type=list[Row]) if latest.exists() else []
        grown = msgspec.json.decode(growth.read_bytes(), type=Growth) if growth.exists() else Growth()
        return cls(rows, grown)

    def row(self, verb: str, setup: Setup, *, paced: bool = False) -> Row:
        """The row of a verb in a setup.

        Raises:
            MissingFigureError: it was not measured.
        """
        base = LINGPAI if verb == "getXcx" else ISSUER
        name = row_name(PACED[verb] if paced else verb, setup.name(base))
        row = self._rows.get(name)
        if row is None:
            raise MissingFigureError(f"{name!r} was not measured: make bench")
        return row

    def cost(self, verb: str, setup: Setup, *, paced: bool = False) -> Cost:
        """What one answer costs at full load, or (``paced``) at 80 % of it, where fewer share a batch.

        Raises:
            MissingFigureError: it was not measured.
        """
        row = self.row(verb, setup, paced=paced)
        if not row.load_us:
            raise MissingFigureError(f"{row.name!r} tells nothing of the load's own cost: make bench")
        return Cost(
            node=(row.cpu_us - row.store_us) * _MICRO,
            database=row.store_us * _MICRO,
            load=row.load_us * _MICRO,
        )

    def contention(self, verb: str, engine: str) -> float:
        """How much more each further worker makes all answers cost (`queueing.universal`)."""
        one, two = (self.cost(verb, Setup(engine, workers)).total for workers in (1, 2))
        return contention(one, two)

    def commit(self) -> float:
        """Seconds that a commit waits for the disk: what a lone redemption takes longer than a lone read.

        Raises:
            MissingFigureError: the growth run was not made.
        """
        alone = {
            point.case: point
            for point in sorted(self.growth.points, key=lambda one: one.grants, reverse=True)
            if point.connections == 1
        }
        if REDEEM not in alone or CHECK not in alone:
            raise MissingFigureError("one connection was not measured: python -m bench --growth")
        return max(0.0, alone[REDEEM].p50_ms - alone[CHECK].p50_ms) * 1e-3

    def bytes_per_grant(self, engine: str = POSTGRESQL) -> float:
        """Bytes on disk for one more live grant, with its member and its part of a user, indexes included.

        Raises:
            MissingFigureError: the growth run was not made.
        """
        if engine == POSTGRESQL:
            if self.growth.postgresql_bytes is None:
                raise MissingFigureError("a grant in PostgreSQL was not measured: python -m bench --growth")
            return self.growth.postgresql_bytes
        stores = sorted(self.growth.stores, key=lambda one: (one.grants, one.accounts))
        if len({one.grants for one in stores}) < 2:
            raise MissingFigureError("no two sizes were filled: python -m bench --growth")
        least, most = stores[0], stores[-1]
        return (most.gib - least.gib) * 2**30 / (most.grants - least.grants)

    def slowdown(self, verb: str, grants: int) -> float:
        """CPU time per answer at ``grants`` divided by that of the least store, with 32 connections.

        Beyond the largest measured store the last two points are continued in the logarithm, as a B-tree grows.
        """
        name = HELD if verb == "getXcx" else verb
        curve = sorted(
            (point.grants, point.cpu_us)
            for point in self.growth.points
            if (point.case, point.connections) == (name, 32) and point.accounts > 1000
        )
        if len(curve) < 2:
            raise MissingFigureError(f"{name} has no curve: python -m bench --growth")
        return interpolate(curve, grants) / curve[0][1]


def interpolate(curve: Sequence[tuple[int, float]], grants: int) -> float:
    """The value of a curve at ``grants``, linear in the logarithm, constant below its first point."""
    if grants <= curve[0][0]:
        return curve[0][1]
    pairs = list(itertools.pairwise(curve))
    (x0, y0), (x1, y1) = next((pair for pair in pairs if grants <= pair[1][0]), pairs[-1])
    share = math.log(grants / x0) / math.log(x1 / x0)
    return max(y0, y1, y0 + share * (y1 - y0)) if grants > x1 else y0 + share * (y1 - y0)
