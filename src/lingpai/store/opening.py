"""Opens a store by its address, whichever engine that means."""

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from lingpai.core.clock import Clock
from lingpai.core.errors import LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.store.address import Address
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.port import Store
from lingpai.store.sqlite.issuer.store import SqliteIssuerStore
from lingpai.store.sqlite.store import SqliteStore


class Opened(NamedTuple):
    """A store that is open, and the time by which its ends pass."""

    store: Store
    clock: Clock


async def is_begun(address: Address) -> bool:
    """True when there is a store already, which belongs to some key ring.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    if address.dsn is None:
        return address.file.exists()
    from lingpai.store.postgresql.schema import is_sealed  # noqa: PLC0415  an extra: it may not be installed

    return await is_sealed(address.dsn)


async def answers(address: Address) -> LingpaiError | None:
    """Nothing when the store can be opened as far as a database is concerned, else an error that may pass by itself.

    Raises:
        LingpaiError: STORE_UNAVAILABLE: only the operator can mend it.
    """
    if address.dsn is None:
        return None
    from lingpai.store.postgresql.waiting import trial  # noqa: PLC0415  an extra: it may not be installed

    return await trial(address.dsn)


@contextlib.asynccontextmanager
async def open_store(address: Address, ring: KeyRing, clock: Clock) -> AsyncIterator[Opened]:
    """The store at this address, its schema brought up to date; closed afterwards.

    Args:
        address: where it is; a file is made when there is none, a database has to exist.
        ring: the keys that seal what is secret.
        clock: the machine's.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
        KeyRingError: a database is sealed with another key ring.
        ImportError: the client of the engine is not installed.
    """
    opened = await _open(address, ring, clock)
    try:
        yield opened
    finally:
        await opened.store.close()


async def _open(address: Address, ring: KeyRing, clock: Clock) -> Opened:
    if address.dsn is None:
        return Opened(await SqliteStore.open(address.file, ring, clock, address.floor), clock)
    from lingpai.store.postgresql import PostgresStore  # noqa: PLC0415  an extra: it may not be installed

    store = await PostgresStore.open_shared(address.dsn, ring, clock, address.connections)
    return Opened(store, store.clock)


def issuer_beside(store: Store) -> IssuerStore:
    """The issuer's verbs on the engine of an open store, which closes both."""
    if isinstance(store, SqliteStore):
        return SqliteIssuerStore.beside(store)
    from lingpai.store.postgresql import PostgresStore  # noqa: PLC0415  an extra: it may not be installed
    from lingpai.store.postgresql.issuer.store import PostgresIssuerStore  # noqa: PLC0415

    if isinstance(store, PostgresStore):
        return PostgresIssuerStore.beside(store)
    raise TypeError(f"{type(store).__name__} has no issuer's verbs")
