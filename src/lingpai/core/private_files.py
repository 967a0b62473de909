"""Files that only their owner can read: written whole, durable once the call returns, links followed."""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Permission bits of everybody but the owner."""


def write_new(path: Path, content: bytes) -> None:
    """Make a file (mode 0600).

    Raises:
        FileExistsError: there is one; it is left as it is.
        OSError: it cannot be made.
    """
    temporary = _write_temporary(path, content)
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def write(path: Path, content: bytes) -> None:
    """Create a file (mode 0600), or replace the content of an existing one.

    Raises:
        OSError: it cannot be written; what was there is as before.
    """
    try:
        replace(path, content)
    except FileNotFoundError:
        write_new(path, content)


def replace(path: Path, content: bytes) -> None:
    """Replace the content of the file at `path`, or of the target of a link there, in one step (mode 0600).

    Raises:
        OSError: it cannot be written; it is as before.
    """
    target = path.resolve(strict=True)
    temporary = _write_temporary(target, content)
    try:
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a folder: wait until no other process is in such a block for it, and keep others out.

    Raises:
        OSError: the folder cannot be opened or locked.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # this releases the lock


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (survive a power failure).

    Raises:
        OSError: that is not possible.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_temporary(path: Path, content: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)
