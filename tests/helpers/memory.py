"""A pytest plugin: files of tests are kept in memory, which spares each commit and each new database the disk.

Where there is too little of it, they are on disk. Only folders of failed tests are kept.
"""

import os
import shutil
from pathlib import Path

import pytest

ROOM = 6 * 2**30
"""Bytes that must be free for the folders of a whole run."""
_MEMORY = Path("/dev/shm")
_ROOT = "PYTEST_DEBUG_TEMPROOT"


def folder_in_memory(least: int) -> Path | None:
    """A folder whose files are kept in memory; None when this machine has none that does.

    Args:
        least: bytes that must be free in it. Containers often have 64 MiB.
    """
    if not os.access(_MEMORY, os.W_OK | os.X_OK) or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= least else None


@pytest.hookimpl(tryfirst=True)  # before pytest's own, which finds out where its folders are
def pytest_configure() -> None:
    memory = None if "TMPDIR" in os.environ else folder_in_memory(ROOM)
    if memory is not None:
        os.environ.setdefault(_ROOT, str(memory))
