"""What the growth run measures, as data."""

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from bench.answers import GET_XCX_PATH, SECRET
from bench.cases import APP_TOKEN, CHECK, REDEEM, REFRESH
from bench.contender import Request
from bench.contenders.spending import spending
from bench.material import material_file
from bench.places import CACHE, HERE, SCRIPTS

GROWTH = HERE / "growth.json"
HELD = "getXcx, any account"
ACCOUNT = "wxbench%05d"
ASK = f"{GET_XCX_PATH}?appid={ACCOUNT}&secret={SECRET}"

APPS = 1000
GRANTS_OF_A_USER = 5
CONNECTIONS = (1, 32, 500)
LIVES = 30 * 86400
SAMPLE = 200_000
"""Grants at most that are checked and refreshed, from all over a store."""
SETTINGS = f"""\
# Access tokens live as long as refresh tokens do, so that a store can be kept in the cache for many runs.
[realms.yzb]
dialect = "yzb"
policy = {{ access = {LIVES}, code = {LIVES} }}
"""


@dataclass(frozen=True)
class Size:
    """What lies in a store: live grants, each of a user of its own app, and the keeper's accounts."""

    grants: int
    accounts: int

    @property
    def home(self) -> Path:
        """Where it is kept once it was made."""
        return CACHE / "growth" / f"{self.grants}-{self.accounts}"

    @property
    def name(self) -> str:
        """As progress shows it."""
        return f"{self.grants:,} grants, {self.accounts:,} accounts"


FEW = Size(10_000, 10)
"""Only its held tokens are measured."""
SIZES = (FEW, *(Size(grants, 10_000) for grants in (10_000, 1_000_000, 5_000_000, 10_000_000)))
QUICK = (Size(10_000, 10), Size(10_000, 100), Size(50_000, 100))


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One point of the curves: medians over the rounds; units as in ``bench.figures.Row``.

    ``versus`` is the speed divided by that at 10,000 grants in the same round; None where that was not measured.
    """

    case: str
    grants: int
    accounts: int
    connections: int
    engine: str = "sqlite"
    workers: int = 1
    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    rss_mib: float
    failures: int
    versus: float | None = None

    @property
    def key(self) -> tuple[str, int, int, int]:
        """What it is a point of."""
        return (self.case, self.grants, self.accounts, self.connections)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A store that was filled: its size on disk, and how long filling it took."""

    grants: int
    accounts: int
    gib: float
    seconds: float


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of refreshing one grant again and again: rows of grants, and the size of the whole store's file."""

    refreshes: int
    rows: int
    kib: float
    per_second: float


class Growth(msgspec.Struct, kw_only=True):
    """All of ``growth.json``."""

    points: list[Point] = []
    stores: list[Stored] = []
    refreshed: Refreshed | None = None
    postgresql_bytes: float | None = None
    """For one more grant with its member and a fifth of a user, indexes included."""


def requests(size: Size, home: Path) -> dict[str, Request]:
    """What is sent, by case; codes are spent last, since they are made only then."""
    held = Request(ASK % 0, script=SCRIPTS / "accounts.lua", arguments=(ASK, str(size.accounts)))
    if size.accounts < 100:
        return {HELD: held}
    refreshing = material_file(home, REFRESH)
    return {
        HELD: held,
        CHECK: spending("/OAuth2/checkCode", material_file(home, CHECK), '"status":"2000"'),
        REFRESH: replace(
            spending("/OAuth2/refreshtoken", refreshing, ""),
            script=SCRIPTS / "refreshing.lua",
            arguments=(str(refreshing),),
        ),
        APP_TOKEN: spending("/OAuth2/token", material_file(home, APP_TOKEN), '"status":"2000"'),
        REDEEM: spending("/OAuth2/token", material_file(home, REDEEM), '"status":2000'),
    }


CASES = (HELD, CHECK, REFRESH, APP_TOKEN, REDEEM)
