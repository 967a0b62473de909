"""Where files of tests are kept in memory, which spares each commit and each new database the disk."""

import os
import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")


def folder_in_memory(least: int) -> Path | None:
    """A folder whose files are kept in memory; None when this machine has none that does.

    Args:
        least: bytes that must be free in it. Containers often have 64 MiB.
    """
    if not os.access(_MEMORY, os.W_OK | os.X_OK) or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= least else None
