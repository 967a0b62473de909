"""The audit's counted lines: each once, with the right count, and never so many at once that requests wait."""

import asyncio
import io
import json
from collections import Counter

import pytest

from lingpai.keeper import audit
from lingpai.keeper.audit import LINES_AT_ONCE, Audit, Tally

APPS = 25 * LINES_AT_ONCE


def counted(log: io.StringIO) -> Counter[str]:
    """How often each app was served, by the lines; every line is one of `Audit`'s."""
    counts: Counter[str] = Counter()
    for line in map(json.loads, log.getvalue().splitlines()):
        assert (line["event"], line["caller"], line["action"]) == ("served", "caller:shop", "token")
        counts[line["app"]] += line["count"]
    return counts


async def test_many_lines_are_written_a_few_at_once(log_lines: io.StringIO) -> None:
    kept = Audit()
    for number in range(APPS):
        kept.count("caller:shop", f"wechat/wx{number}", "token")
    lengths: list[int] = []
    kept.write_out()
    async with asyncio.timeout(30):
        while sum(lengths) < APPS:
            lines = log_lines.getvalue().count("\n")
            lengths.append(lines - sum(lengths))
            await asyncio.sleep(0)
    assert max(lengths) == LINES_AT_ONCE
    assert counted(log_lines) == {f"wechat/wx{number}": 1 for number in range(APPS)}


async def test_what_is_counted_while_lines_are_written_is_written_next(log_lines: io.StringIO) -> None:
    kept = Audit()
    tallies = [Tally(("caller:shop", f"wechat/wx{number}", "token")) for number in range(APPS)]
    for tally in tallies:
        kept.tally(tally)
    kept.write_out()
    for tally in tallies:
        kept.tally(tally)
    kept.write_out()
    kept.flush()
    assert counted(log_lines) == {tally.key[1]: 2 for tally in tallies}
    before = log_lines.getvalue()
    kept.write_out()
    kept.flush()
    assert log_lines.getvalue() == before


async def test_a_bound_of_pairs_is_kept_without_anybody_asking(
    log_lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST_PAIRS", 100)
    kept = Audit()
    for number in range(99):
        kept.count("caller:shop", f"wechat/wx{number}", "token")
    assert log_lines.getvalue() == ""
    for number in range(99, 1000):
        kept.count("caller:shop", f"wechat/wx{number}", "token")
    assert 1000 - len(counted(log_lines)) <= 200
    kept.flush()
    assert counted(log_lines) == {f"wechat/wx{number}": 1 for number in range(1000)}
