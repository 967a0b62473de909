"""What Lingpai has to reach, as data."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.cases import (
    APP_TOKEN,
    BARE,
    BY_SECRET,
    CHECK,
    CODE,
    FASTAPI_PROXY,
    FEW_ACCOUNTS,
    FORM,
    FORWARD,
    INTROSPECT,
    ISSUER,
    LINGPAI,
    LINGPAI_FORWARD,
    LINGPAI_STANDARD,
    MANY_ACCOUNTS,
    NGINX_FILE,
    NGINX_PROXY,
    NODE_HTTP,
    OAUTH_TOOLKIT,
    OIDC_PROVIDER,
    PACED,
    REDEEM,
    REFRESH,
    ROTATED,
    STANDARD,
    TICKETS,
    USERINFO,
    WHO,
)
from bench.contenders.engines import POSTGRESQL, SETUPS, SQLITE, Setup
from bench.figures import Sample, Samples, median, ratio, row_name

BY_HAND = ("Tornado + Redis", "FastAPI + Redis")
_HELD = ("getXcx", "cgi-bin/token")


def _speed(sample: Sample) -> float:
    return sample.per_second


def _p99(sample: Sample) -> float:
    return sample.p99_ms


def _cpu(sample: Sample) -> float:
    return sample.cpu_us


def _rss(sample: Sample) -> float:
    return sample.rss_mib


def _start(sample: Sample) -> float:
    return sample.start_s


@dataclass(frozen=True)
class Goal:
    """A bound for one figure of a row, or for its ratio to another row's.

    Attributes:
        text: what is wanted.
        row: whose figure.
        figure: which figure.
        against: the row it is divided by, or None.
        least: smallest value that will do.
        most: largest value that will do.
    """

    text: str
    row: str
    figure: Callable[[Sample], float]
    against: str | None = None
    least: float = 0.0
    most: float = float("inf")

    def value(self, samples: Samples) -> float | None:
        """The figure, or None when it was not measured."""
        if self.against is None:
            return median(samples, self.row, self.figure)
        return ratio(samples, self.row, self.against, self.figure)

    def met(self, value: float) -> bool:
        """Whether ``value`` lies within the bounds."""
        return self.least <= value <= self.most


def _held_token_goals(case: str) -> list[Goal]:
    ours, bare = row_name(case, LINGPAI), row_name(case, BARE)
    return [
        Goal(f"{case}: at least 0.6 of the bare ASGI app", ours, _speed, bare, least=0.6),
        *(
            Goal(f"{case}: at least 3 x {peer}", ours, _speed, row_name(case, peer), least=3.0)
            for peer in BY_HAND
        ),
        Goal(f"{case}: p99 at most 3 x the bare ASGI app's", ours, _p99, bare, most=3.0),
        Goal(f"{case}: at most 80 MiB per worker", ours, _rss, most=80.0),
    ]


_ISSUING = (REDEEM, REFRESH, APP_TOKEN, TICKETS)
_CHECKING = (CHECK, WHO)


def _issuer_goals(case: str, least: float, peers: str) -> list[Goal]:
    """Against the bare app, and against what peers do instead of ``case``."""
    ours = row_name(case, ISSUER)
    bounds = ((FORM, BARE, least), (peers, OIDC_PROVIDER, 2.0), (peers, OAUTH_TOOLKIT, 20.0))
    return [
        Goal(
            f"{case}: at least {bound:g} x {peer} ({what})",
            ours,
            _speed,
            row_name(what, peer),
            least=bound,
        )
        for what, peer, bound in bounds
    ]


def _limit_goals(case: str) -> list[Goal]:
    """How close the held token comes to servers that look nothing up."""
    ours = row_name(case, LINGPAI)
    return [
        Goal(
            f"{case}: at least 0.45 of nginx's static file",
            ours,
            _speed,
            row_name(case, NGINX_FILE),
            least=0.45,
        ),
        Goal(f"{case}: ahead of node's bare http module", ours, _speed, row_name(case, NODE_HTTP), least=1.0),
    ]


_AGAINST_OIDC = (
    *((case, STANDARD, {SQLITE: 4.0, POSTGRESQL: 2.5}) for case in (REDEEM, REFRESH, APP_TOKEN)),
    (CHECK, INTROSPECT, {SQLITE: 6.0, POSTGRESQL: 6.0}),
    (WHO, INTROSPECT, {SQLITE: 6.0}),
)
"""Case, what oidc-provider does instead of it, and how many times as fast the case has to be, by engine."""


_STANDARD_LEAST = {CODE: 3.0, BY_SECRET: 3.0, ROTATED: 3.0, STANDARD: 5.0, INTROSPECT: 6.0, USERINFO: 6.0}
"""How many times as fast as oidc-provider the standard protocol has to be, case by case."""


def _standard_goals() -> list[Goal]:
    return [
        Goal(
            f"{case}, durable: at least {least:g} x oidc-provider in memory",
            row_name(case, LINGPAI_STANDARD),
            _speed,
            row_name(case, OIDC_PROVIDER),
            least=least,
        )
        for case, least in _STANDARD_LEAST.items()
    ]


def _engine_goals() -> list[Goal]:
    return [
        Goal(
            f"{case}, durable on {engine}: at least {least:g} x oidc-provider in memory ({instead})",
            row_name(case, Setup(engine).name(ISSUER)),
            _speed,
            row_name(instead, OIDC_PROVIDER),
            least=least,
        )
        for case, instead, bounds in _AGAINST_OIDC
        for engine, least in bounds.items()
    ]


def _setup_goals(setup: Setup) -> list[Goal]:
    """Of one engine and one number of workers."""
    goals = []
    for case, base in (
        ("getXcx", LINGPAI),
        *((case, ISSUER) for case in (REDEEM, REFRESH, APP_TOKEN, CHECK)),
    ):
        ours = setup.name(base)
        if setup.workers == 1:
            paced = row_name(PACED[case], ours)
            goals.append(Goal(f"{PACED[case]}, {setup.engine}: p99 at most 5 ms", paced, _p99, most=5.0))
        else:
            one = row_name(case, Setup(setup.engine).name(base))
            text = f"{case}, {setup.engine}: CPU per answer of two workers within 10 % of one's"
            goals.append(Goal(text, row_name(case, ours), _cpu, one, most=1.1))
    return goals


_ANY = "getXcx, any account"
GOALS = (
    *(goal for case in _HELD for goal in _held_token_goals(case)),
    *(goal for case in _HELD for goal in _limit_goals(case)),
    Goal("start to first answer: at most 1.5 s", row_name("getXcx", LINGPAI), _start, most=1.5),
    Goal(
        "10,000 accounts as fast as 10, within 10 %",
        row_name(_ANY, MANY_ACCOUNTS),
        _speed,
        row_name(_ANY, FEW_ACCOUNTS),
        least=0.9,
        most=1.1,
    ),
    *(goal for case in _ISSUING for goal in _issuer_goals(case, 0.3, STANDARD)),
    *(goal for case in _CHECKING for goal in _issuer_goals(case, 0.45, INTROSPECT)),
    *(
        Goal(
            f"{FORWARD}: at least {bound:g} x {peer}",
            row_name(FORWARD, LINGPAI_FORWARD),
            _speed,
            row_name(FORWARD, peer),
            least=bound,
        )
        for peer, bound in ((NGINX_PROXY, 0.3), (FASTAPI_PROXY, 4.0))
    ),
    *_engine_goals(),
    *_standard_goals(),
    *(goal for setup in SETUPS for goal in _setup_goals(setup)),
)
