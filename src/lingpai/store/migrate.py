"""Bringing a store's schema up to date, ahead of a release or at the start of an embedded service."""

import asyncio

from lingpai.store.address import Address
from lingpai.store.sqlite import schema


def pending(address: Address) -> tuple[str, ...]:
    """Names of the migrations that the store still lacks, in order.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
        ImportError: the client of the engine is not installed.
    """
    if address.dsn is None:
        return schema.pending_migrations(address.file)
    from lingpai.store.postgresql.schema import pending_migrations  # noqa: PLC0415  an extra: it may not be installed

    return asyncio.run(pending_migrations(address.dsn))


def migrate(address: Address) -> tuple[str, ...]:
    """Apply what is pending to the store, making a file when there is none; returns what was applied.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
        ImportError: the client of the engine is not installed.
    """
    if address.dsn is None:
        return schema.apply_migrations(address.file)
    from lingpai.store.postgresql.schema import apply_migrations  # noqa: PLC0415  an extra: it may not be installed

    return asyncio.run(apply_migrations(address.dsn))
