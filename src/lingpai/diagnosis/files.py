"""Checks that need no open store: folder, database, key ring, schema."""

import stat
from collections.abc import Iterator
from pathlib import Path

from lingpai.core.errors import LingpaiError
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.core.private_files import OTHERS
from lingpai.messages.problems import explain
from lingpai.messages.translating import tr, tr_reason
from lingpai.operating.findings import Finding
from lingpai.settings import Settings
from lingpai.settings.sources import SETTINGS_FILE, files_with_secrets
from lingpai.store import migrate
from lingpai.store.address import Address

WRITERS = stat.S_IWGRP | stat.S_IWOTH


def check_files(settings: Settings) -> list[Finding]:
    """Check the files on disk. Nothing is created or changed."""
    address = settings.store_address
    if address.dsn is None and not settings.database.exists():
        message = tr("There is no store yet in {folder}.", folder=settings.data)
        remedy = tr(
            "Create one with `lingpai account add`, or name another folder with --data or LINGPAI_DATA."
        )
        return [
            *_check_modes(settings),
            Finding("store", str(settings.database), "fail", message, remedy),
        ]
    modes = _check_modes(settings)
    if not modes:
        message = tr("Files with secrets are readable by their owner only.")
        modes = [Finding("files", str(settings.data), "ok", message)]
    return [*modes, _check_ring(settings.key_ring_file), _check_schema(address)]


def _check_modes(settings: Settings) -> list[Finding]:
    closed = sorted(set(_private_paths(settings)))
    open_to = dict.fromkeys(closed, OTHERS)
    # Write access to a folder allows replacing a file in it that only its owner can read.
    for file in (settings.key_ring_file, *(() if settings.store_address.dsn else (settings.database,))):
        open_to.setdefault(file.resolve().parent, WRITERS)
    findings = (_check_mode(path, bits) for path, bits in open_to.items())
    return [finding for finding in findings if finding is not None]


def _private_paths(settings: Settings) -> Iterator[Path]:
    """Yield every file, socket and folder that only its owner may access, links followed."""
    if settings.data.is_dir():
        yield settings.data.resolve()
        # All files in it: backups, dev.json, sockets, copies.
        yield from (path.resolve() for path in settings.data.iterdir() if path.name != SETTINGS_FILE)
    if settings.store_address.dsn is None:
        database = settings.database.resolve()
        yield from (database.with_name(database.name + end) for end in ("", "-wal", "-shm", "-journal"))
    yield from (file.resolve() for file in files_with_secrets(settings.data))


def _check_mode(path: Path, bits: int) -> Finding | None:
    if not path.exists() or not path.stat().st_mode & bits:
        return None
    writers = bits == WRITERS
    wanted = "go-w" if writers else "700" if path.is_dir() else "600"
    return Finding(
        "files",
        str(path),
        "fail",
        tr("Other users of this machine can put other files there.")
        if writers
        else tr("Other users of this machine can access it."),
        tr("Run `chmod {mode} {path}`.", mode=wanted, path=path),
    )


def _check_ring(path: Path) -> Finding:
    if not path.exists():
        return Finding(
            "key ring",
            str(path),
            "fail",
            tr("There is a store, but its key ring is missing."),
            tr("Restore the key ring from a backup; a new one cannot decrypt the store."),
        )
    try:
        ring = KeyRing(path)
    except KeyRingError as error:
        return Finding("key ring", str(path), "fail", tr_reason(str(error)))
    return Finding(
        "key ring",
        str(path),
        "ok",
        tr("Keys: {count}; key {key} is active.", count=len(ring.keys), key=ring.newest.id),
    )


def _check_schema(address: Address) -> Finding:
    try:
        pending = migrate.pending(address)
    except LingpaiError as error:
        return Finding("schema", address.name, "fail", explain(error) or error.reason)
    if pending:
        message = tr("Pending migrations: {count} ({names}).", count=len(pending), names=", ".join(pending))
        return Finding("schema", address.name, "warn", message, tr("Run `lingpai migrate`."))
    return Finding("schema", address.name, "ok", tr("The schema is up to date."))
