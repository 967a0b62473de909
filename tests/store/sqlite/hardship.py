"""What `test_sqlite_faults` has done in processes of its own, since it spoils the limits and rights of a process."""

import asyncio
import ctypes
import os
import resource
from pathlib import Path

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.store.sqlite import SqliteStore
from tests.store.sample import account

CAPABILITY_VERSION = 0x20080522
ENOUGH = 10_000


async def _is_refused(store: SqliteStore, name: str) -> bool:
    try:
        await store.save_account(account(name))
    except LingpaiError as error:
        if error.kind is Kind.STORE_UNAVAILABLE and error.retry_after:
            return True
        raise
    return False


def fill_the_disk(home: Path) -> str:
    """Files may not grow beyond a size (`RLIMIT_FSIZE`), as on a full disk; then they may again."""
    return asyncio.run(_fill_the_disk(home))


async def _fill_the_disk(home: Path) -> str:
    path = home / "lingpai.db"
    store = await SqliteStore.open(path, KeyRing.ephemeral(), VirtualClock())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    saved = 0
    while not await _is_refused(store, f"wx{saved}"):
        saved += 1
        assert saved < ENOUGH
    assert saved > 0
    assert all([await _is_refused(store, "another") for _ in range(3)])
    assert await store.find_accounts("wechat", "wx0") == (account("wx0"),)
    assert len(await store.list_accounts()) == saved
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert not await _is_refused(store, "another")
    assert len(await store.list_accounts()) == saved + 1
    await store.ping()
    await store.close()
    return "well again"


def use_a_read_only_file(path: Path) -> str:
    """Open a store whose file may not be written to, and go on when it may again."""
    if os.geteuid() == 0:
        _lay_down_power()
    path.chmod(0o400)
    assert not _can_write(path)
    return asyncio.run(_use_a_read_only_file(path))


def _lay_down_power() -> None:
    """Give up every capability, so that permissions hold for root too (capset(2))."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _can_write(path: Path) -> bool:
    try:
        path.open("r+b").close()
    except PermissionError:
        return False
    return True


async def _use_a_read_only_file(path: Path) -> str:
    store = await SqliteStore.open(path, KeyRing.ephemeral(), VirtualClock())
    assert await store.find_accounts("wechat", "none") == ()
    for _ in range(2):
        assert await _is_refused(store, "another")
    os.chmod(path, 0o600)  # noqa: PTH101
    assert not await _is_refused(store, "another")
    await store.close()
    return "well again"
