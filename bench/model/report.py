"""The model's tables, in Markdown."""

from collections.abc import Iterable, Sequence

from bench.contenders.engines import POSTGRESQL, SQLITE
from bench.model.capacity import Assumptions, Carried, deploy, scaled
from bench.model.checking import check
from bench.model.costs import Measured


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def checked(measured: Measured) -> str:
    """Predictions beside measurements."""
    rows = [
        (
            one.what,
            one.verb,
            one.engine,
            f"{one.predicted:,.0f}" if one.unit != "ms" else f"{one.predicted:.2f} ms",
            f"{one.measured:,.0f}" if one.unit != "ms" else f"{one.measured:.2f} ms",
            f"{one.ratio:.2f}",
        )
        for one in check(measured)
    ]
    return _table(("", "verb", "engine", "predicted", "measured", "measured / predicted"), rows)


def carried(measured: Measured, assumed: Assumptions) -> str:
    """What one worker, one node and one database carry."""

    def carrier(one: Carried, number: int) -> str:
        if one.engine == SQLITE:
            return "1 worker, embedded store"
        return (
            f"{assumed.node_workers} workers, PostgreSQL"
            if number < 10
            else f"1 database, {assumed.database_cores} cores"
        )

    rows = [
        (carrier(one, number), one.verb, f"{one.knee:,.0f}", f"{one.utilisation:.0%}", f"{one.most:,.0f}")
        for number, one in enumerate(scaled(measured, assumed))
    ]
    return _table(("", "verb", "a second, at the knee", "busy there", "a second, at most"), rows)


def deployed(measured: Measured, assumed: Assumptions) -> str:
    """What the assumed load needs, and what it costs."""
    found = deploy(measured, assumed)
    rows = (
        ("answers a second, average / peak", f"{found.average:,.0f} / {found.peak:,.0f}"),
        ("nodes (one is spare)", f"{found.nodes} with {assumed.node_workers} workers each"),
        ("CPU time that databases burn at the peak", f"{found.database_cores:,.1f} cores"),
        (
            "databases (shards)",
            f"{found.databases} with {assumed.database_cores} cores, each with {assumed.copies - 1} standby",
        ),
        ("waits for the disk a second, at the peak", f"{found.commits:,.0f} at most"),
        ("disk, all copies", f"{found.disk_gib:,.0f} GiB"),
        ("memory for the pages in use on a day, one copy", f"{found.memory_gib:,.0f} GiB"),
        ("network at the peak, public", f"{found.public_mbit:,.0f} Mbit/s"),
        ("network at the peak, to the databases", f"{found.inner_mbit:,.0f} Mbit/s"),
        ("price an hour", f"{found.an_hour:,.2f}"),
        ("price per million tokens issued", f"{found.per_million_tokens:,.3f}"),
        ("price per million answers", f"{found.per_million_answers:,.4f}"),
    )
    return _table(("", f"{assumed.grants:,.0f} grants"), rows)


def constants(measured: Measured) -> str:
    """The measured figures that are not of a verb."""
    rows = (
        ("a commit waits for the disk", f"{measured.commit() * 1e3:.2f} ms"),
        *(
            (
                f"one more live grant on disk, with its member and indexes, {engine}",
                f"{measured.bytes_per_grant(engine):.0f} bytes",
            )
            for engine in (SQLITE, POSTGRESQL)
        ),
    )
    return _table(("", "measured"), rows)
