"""What one node, one database and several carry, and what an operator of very many grants deploys."""

import math
from collections.abc import Mapping

import msgspec

from bench.cases import APP_TOKEN, CHECK, REDEEM, REFRESH
from bench.contenders.engines import POSTGRESQL, SQLITE, Setup
from bench.model.costs import VERBS, WRITES, Measured
from bench.model.queueing import knee, universal

DAY = 86_400
MILLION = 1_000_000
_HOURS_A_MONTH = 730


class Assumptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is not measured, and so has to be said; every one is an option of ``python -m bench.model``.

    Attributes:
        grants: live grants.
        active: share of them that are in use on a day.
        checks: checks of a token for each grant in use, a day.
        refreshes: refreshes for each grant in use, a day.
        redeemed: new grants a day, as a share of all.
        peak: the busiest second divided by the average one.
        p99: seconds within which 99 % of the answers have to come, network not counted.
        node_workers: workers, and cores, of a node.
        database_cores: cores of a database's machine.
        database_contention: what each further core of a database costs (the universal scalability law); not measured,
            as two cores say too little.
        replication_cost: what a standby and its log add to the database's own CPU time, as a share.
        copies: how often the data is kept: a primary and its standbys.
        slack: room on disk for free pages, dead rows, the log.
        page: bytes that are read to reach one row that is not in memory.
        request: bytes of a request and its answer on the network, headers included.
        query: bytes of one operation between node and database.
        vcpu_hour: price of a core for an hour, its share of ordinary memory (4 GiB) included.
        memory_gib_hour: price of a GiB of further memory for an hour.
        disk_gib_month: price of a GiB of fast disk for a month.
    """

    grants: float = 1e9
    active: float = 0.2
    checks: float = 50.0
    refreshes: float = 4.0
    redeemed: float = 0.005
    peak: float = 3.0
    p99: float = 0.005
    node_workers: int = 8
    database_cores: int = 16
    database_contention: float = 0.02
    replication_cost: float = 0.15
    copies: int = 2
    slack: float = 1.5
    page: int = 8192
    request: int = 900
    query: int = 400
    vcpu_hour: float = 0.04
    memory_gib_hour: float = 0.005
    disk_gib_month: float = 0.10

    def a_day(self) -> Mapping[str, float]:
        """Operations a day, by verb."""
        in_use = self.grants * self.active
        return {
            CHECK: in_use * self.checks,
            REFRESH: in_use * self.refreshes,
            REDEEM: self.grants * self.redeemed,
        }


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What something carries of one verb: answers a second at the knee, the utilisation there, and at the very most."""

    verb: str
    engine: str
    knee: float
    utilisation: float
    most: float


def node(measured: Measured, verb: str, engine: str, assumed: Assumptions, workers: int) -> Carried:
    """What ``workers`` workers on as many cores carry, the database not being in the way.

    A worker is a queue of its own. A write waits for the commit before it and for its own. Workers on one file share
    it, so each costs all others something; on a database each shares but the machine with its neighbours.
    """
    cost = measured.cost(verb, Setup(engine), paced=True).node
    waits = 2 * measured.commit() if verb in WRITES else 0.0
    used = knee(1, cost, assumed.p99 - waits)
    shared = measured.contention(verb, engine)
    apart = workers / (1 + shared) if workers > 1 else 1.0
    most = (universal(workers, shared) if engine == SQLITE else apart) / cost
    return Carried(verb=verb, engine=engine, knee=used * most, utilisation=used, most=most)


def database(measured: Measured, verb: str, assumed: Assumptions) -> Carried:
    """What one database carries; its cores share one queue, and it may take half of the time that an answer may."""
    cost = _database_cost(measured, verb, assumed)
    cores = assumed.database_cores
    used = knee(cores, cost, assumed.p99 / 2) if cost else 0.0
    most = universal(cores, assumed.database_contention) / cost if cost else math.inf
    return Carried(verb=verb, engine=POSTGRESQL, knee=used * most, utilisation=used, most=most)


def _database_cost(measured: Measured, verb: str, assumed: Assumptions) -> float:
    cost = measured.cost(verb, Setup(POSTGRESQL), paced=True).database
    grown = measured.slowdown(verb, int(assumed.grants))
    return cost * grown * (1 + assumed.replication_cost * (verb in WRITES))


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """What the assumptions need, and what it costs."""

    average: float
    peak: float
    workers: int
    nodes: int
    database_cores: float
    databases: int
    commits: float
    disk_gib: float
    memory_gib: float
    public_mbit: float
    inner_mbit: float
    an_hour: float
    per_million_tokens: float
    per_million_answers: float


def deploy(measured: Measured, assumed: Assumptions) -> Deployment:
    """The nodes, databases, disks and memory that carry the assumed load at its peak, below every knee.

    Raises:
        MissingFigureError: something was not measured.
    """
    a_day = assumed.a_day()
    average = sum(a_day.values()) / DAY
    rates = {verb: number / DAY * assumed.peak for verb, number in a_day.items()}
    nodes = sum(
        rate / node(measured, verb, POSTGRESQL, assumed, assumed.node_workers).knee
        for verb, rate in rates.items()
    )
    share = sum(rate / database(measured, verb, assumed).knee for verb, rate in rates.items())
    cores = sum(rate * _database_cost(measured, verb, assumed) for verb, rate in rates.items())
    disk = assumed.grants * measured.bytes_per_grant() * assumed.slack * assumed.copies / 2**30
    whole_nodes, whole_databases = math.ceil(nodes) + 1, math.ceil(share)
    memory = _memory(measured, assumed)
    ordinary = 4 * assumed.database_cores * whole_databases
    machines = whole_nodes * assumed.node_workers + whole_databases * assumed.copies * assumed.database_cores
    an_hour = (
        machines * assumed.vcpu_hour
        + max(0.0, memory - ordinary) * assumed.copies * assumed.memory_gib_hour
        + disk * assumed.disk_gib_month / _HOURS_A_MONTH
    )
    tokens = (a_day[REFRESH] + a_day[REDEEM]) / 24
    peak = sum(rates.values())
    return Deployment(
        average=average,
        peak=peak,
        workers=whole_nodes * assumed.node_workers,
        nodes=whole_nodes,
        database_cores=cores,
        databases=whole_databases,
        commits=_commits(measured, rates, whole_nodes * assumed.node_workers),
        disk_gib=disk,
        memory_gib=memory,
        public_mbit=peak * assumed.request * 8 / 1e6,
        inner_mbit=peak * assumed.query * 8 / 1e6,
        an_hour=an_hour,
        per_million_tokens=an_hour / tokens * MILLION,
        per_million_answers=an_hour / (average * 3600) * MILLION,
    )


def _commits(measured: Measured, rates: Mapping[str, float], workers: int) -> float:
    """Waits for the disk a second: a worker has one commit on its way at most, and all that wait go into the next."""
    writes = sum(rate for verb, rate in rates.items() if verb in WRITES)
    fastest = workers / measured.commit() if measured.commit() else math.inf
    return min(writes, fastest)


def _memory(measured: Measured, assumed: Assumptions) -> float:
    """GiB that hold what is in use on a day: whole pages, since grants in use lie anywhere."""
    total = assumed.grants * measured.bytes_per_grant()
    pages = total / assumed.page
    in_use = assumed.grants * assumed.active
    touched = pages * -math.expm1(-in_use / pages)
    return touched * assumed.page / 2**30


def scaled(measured: Measured, assumed: Assumptions) -> list[Carried]:
    """What one worker, one node and one database carry, verb by verb."""
    found = [node(measured, verb, SQLITE, assumed, 1) for verb in VERBS]
    found += [node(measured, verb, POSTGRESQL, assumed, assumed.node_workers) for verb in VERBS]
    return [*found, *(database(measured, verb, assumed) for verb in (CHECK, REFRESH, APP_TOKEN, REDEEM))]
