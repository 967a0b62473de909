"""Copies of stores, as they lie in memory and on the disk when a service has written them.

What copies in big pieces leaves the file in the kernel's cache in pieces of up to 2 MiB, and the kernel looks through
all of such a piece for each page that is written into it: a tenth of a refresh's CPU time, which no store has that grew
by commits.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

_PAGE = 4096


def _copy_file(source: str, to: str) -> None:
    """As `shutil.copy2`, page by page."""
    with Path(source).open("rb") as original, Path(to).open("wb", buffering=0) as copy:
        while page := original.read(_PAGE):
            copy.write(page)
    shutil.copystat(source, to)


def copy_folder(
    source: Path, to: Path, ignore: Callable[[str, list[str]], Iterable[str]] | None = None
) -> None:
    """Copy a folder, which is on the disk afterwards: else the kernel writes it while a service is measured."""
    shutil.copytree(source, to, ignore=ignore, copy_function=_copy_file)
    os.sync()
