"""The stores of the growth run: filled once, kept in the cache, copied for each run."""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.growth.points import LIVES, SETTINGS, Size, Stored
from bench.places import ROOT
from bench.processes import ContenderError
from lingpai.store.sqlite import schema
from lingpai.store.sqlite.connect import PAGE_BYTES

Say = Callable[[str], None]
_MARGIN = 2 * 86400
"""Seconds: a store whose tokens end sooner is made anew."""


class _Ready(msgspec.Struct):
    """Says that a store is whole, for which schema, when it was made, and what it took."""

    wanted: str
    made_at: float
    stored: Stored


def _wanted() -> str:
    migrations = sorted((Path(schema.__file__).parent / "migrations").glob("*.sql"))
    schema_of = b"".join(file.read_bytes() for file in migrations)
    return hashlib.sha256(schema_of + SETTINGS.encode() + b"%d" % PAGE_BYTES).hexdigest()


def _found(size: Size) -> Stored | None:
    stamp = size.home / "ready.json"
    if not stamp.exists():
        return None
    ready = msgspec.json.decode(stamp.read_bytes(), type=_Ready)
    fresh = time.time() < ready.made_at + LIVES - _MARGIN
    return ready.stored if fresh and ready.wanted == _wanted() else None


def prepare(size: Size, say: Say) -> Stored:
    """Have a store of this size in the cache; takes minutes for the largest when it is not there yet.

    Raises:
        ContenderError: it could not be filled.
    """
    found = _found(size)
    if found is not None:
        return found
    began = time.monotonic()
    shutil.rmtree(size.home, ignore_errors=True)
    size.home.parent.mkdir(parents=True, exist_ok=True)
    argv = [
        sys.executable,
        "-m",
        "bench.growth.filling",
        str(size.home),
        str(size.grants),
        str(size.accounts),
    ]
    follow(argv, lambda line: say(f"filling {size.name}: {line}"))
    gib = sum(file.stat().st_size for file in (size.home / "data").iterdir()) / 2**30
    stored = Stored(
        grants=size.grants,
        accounts=size.accounts,
        gib=round(gib, 3),
        seconds=round(time.monotonic() - began, 1),
    )
    ready = _Ready(_wanted(), time.time(), stored)
    (size.home / "ready.json").write_bytes(msgspec.json.encode(ready))
    return stored


def add_codes(home: Path, count: int) -> None:
    """Add codes to spend to a copy, which may be served meanwhile.

    Raises:
        ContenderError: that failed.
    """
    follow([sys.executable, "-m", "bench.growth.codes", str(home), str(count)], lambda _: None)


def follow(argv: list[str], say: Say) -> str:
    """Run a command in the checkout, telling each line that it prints; gives the last one.

    Raises:
        ContenderError: it failed.
    """
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        last = ""
        for line in process.stdout or ():
            last = line.strip() or last
            say(last)
    if process.returncode:
        raise ContenderError(f"{argv[2]}: {last}")
    return last
