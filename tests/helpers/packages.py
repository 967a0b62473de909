"""Packages of others, as they would be installed: a module, and an entry point in its metadata."""

import os
import shutil
import sys
from pathlib import Path
from types import ModuleType


def install(module: ModuleType, site: Path, group: str, entry: str) -> Path:
    """Install a module as a package of its own in `site`; return its file of entry points.

    Args:
        module: with what it declares.
        site: a folder.
        group: of the entry point.
        entry: its line, `name = module:OBJECT`.
    """
    source = Path(str(module.__file__))
    about = site / f"{source.stem}-1.0.dist-info"
    about.mkdir(parents=True)
    shutil.copy(source, site)
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {source.stem.replace('_', '-')}\nVersion: 1.0\n"
    )
    points = about / "entry_points.txt"
    points.write_text(f"[{group}]\n{entry}\n")
    return points


def with_site(site: Path) -> str:
    """`PYTHONPATH` of a process that sees the packages of `site`."""
    return os.pathsep.join([str(site), *filter(None, sys.path)])
