"""Checks that need no open store: folder, database, key ring, schema."""

import stat
from pathlib import Path

from lingpai.cli.diagnosis.finding import Finding
from lingpai.cli.messages import tr, tr_reason
from lingpai.cli.problems import explain
from lingpai.core.errors import LingpaiError
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.settings import Settings
from lingpai.store import migrate
from lingpai.store.address import Address

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_files(settings: Settings) -> list[Finding]:
    """What is found on the disk. Nothing is made or changed."""
    address = settings.store_address
    if address.dsn is not None:
        return [_check_ring(settings.key_ring_file), _check_schema(address)]
    if not settings.database.exists():
        message = tr("There is no store yet in {folder}.", folder=settings.data)
        remedy = tr(
            "Begin one with `lingpai account add`, or name another folder with --data or LINGPAI_DATA."
        )
        return [Finding("store", str(settings.database), "fail", message, remedy)]
    database = settings.database
    paths = (settings.data, *(database.with_name(database.name + end) for end in ("", "-wal", "-shm")))
    modes = [finding for path in paths if (finding := _check_mode(path)) is not None]
    if not modes:
        modes = [Finding("files", str(settings.data), "ok", tr("Only their owner can read them."))]
    return [*modes, _check_ring(settings.key_ring_file), _check_schema(address)]


def _check_mode(path: Path) -> Finding | None:
    if not path.exists() or not path.stat().st_mode & OTHERS:
        return None
    wanted = "700" if path.is_dir() else "600"
    return Finding(
        "files",
        str(path),
        "fail",
        tr("Other users of this machine can get at it."),
        tr("Run `chmod {mode} {path}`.", mode=wanted, path=path),
    )


def _check_ring(path: Path) -> Finding:
    if not path.exists():
        return Finding(
            "key ring",
            str(path),
            "fail",
            tr("There is a store, but not the key ring that opens it."),
            tr("Restore the key ring from a backup; a new one would not open what is stored."),
        )
    try:
        ring = KeyRing(path)
    except KeyRingError as error:
        return Finding("key ring", str(path), "fail", tr_reason(str(error)))
    return Finding(
        "key ring",
        str(path),
        "ok",
        tr("{count} keys; key {key} seals.", count=len(ring.keys), key=ring.newest.id),
    )


def _check_schema(address: Address) -> Finding:
    try:
        pending = migrate.pending(address)
    except LingpaiError as error:
        return Finding("schema", address.name, "fail", explain(error) or error.reason)
    if pending:
        message = tr("{count} migrations are pending: {names}.", count=len(pending), names=", ".join(pending))
        return Finding("schema", address.name, "warn", message, tr("Run `lingpai migrate`."))
    return Finding("schema", address.name, "ok", tr("The schema is up to date."))
