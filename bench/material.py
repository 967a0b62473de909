"""How much the issuer's cases have to spend, and where it lies."""

import itertools
from pathlib import Path

APPS = 200
USERS = 2000
CODES = 150_000
"""Codes and refresh tokens are spent once each: enough for 30,000 a second, one second to warm up, two at
full load and two at 80 %."""
OUTSTANDING = 10_000
"""Codes that wait to be redeemed at any time: of 10,000 logins a second, whose apps take up to a second."""
YZB_GRANTS = 150_000
GRANTED = 5_000
"""Grants, and codes, that the verbs make; the others are copies of them."""
MALL_GRANTS = 5_000

SETTINGS = """\
# Codes live longer than in the dialect, so that those made before the bench are good in its last round.
[realms.yzb]
dialect = "yzb"
policy = { code = 86400 }

[realms.mall]
dialect = "mall"
policy = { access = 86400 }
"""


def material_file(home: Path, case: str) -> Path:
    """The bodies that are sent in ``case``, one a line."""
    return home / f"{case.replace(', ', '-').replace(' ', '-')}.bodies"


def position_file(bodies: Path) -> Path:
    """Where ``scripts/material.lua`` and `take` keep how many of the bodies are spent."""
    return bodies.with_name(bodies.name + ".position")


def take(bodies: Path) -> str:
    """The next body, which is spent by that; the first again after the last."""
    place = position_file(bodies)
    spent = int(place.read_text("ascii")) if place.exists() else 0
    place.write_text(str(spent + 1), "ascii")
    with bodies.open(encoding="utf-8") as lines:
        found = next(itertools.islice(lines, spent, None), "")
    return (found or bodies.read_text("utf-8").partition("\n")[0]).rstrip("\n")
