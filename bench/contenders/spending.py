"""Requests whose bodies come from a file and are spent."""

from pathlib import Path

from bench.cases import FORM_TYPE
from bench.contender import Request
from bench.places import SCRIPTS


def spending(path: str, bodies: Path, right: str, counted: str = "") -> Request:
    """A form POST whose bodies come from a file, none twice as long as there are others.

    Args:
        path: where to.
        bodies: the file, one body a line.
        right: what every right answer contains.
        counted: the member whose values are counted, see ``Load.distinct``; none when "".
    """
    arguments = (str(bodies), right, counted)
    return Request(path, "POST", FORM_TYPE, None, SCRIPTS / "material.lua", arguments, bodies)
