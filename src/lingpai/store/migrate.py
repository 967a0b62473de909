"""Bringing a store's schema up to date, ahead of a release or at the start of an embedded service."""

from pathlib import Path

from lingpai.store.sqlite.schema import apply_migrations, pending_migrations


def pending(path: Path) -> tuple[str, ...]:
    """Names of the migrations that the store at `path` still lacks, in order.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    return pending_migrations(path)


def migrate(path: Path) -> tuple[str, ...]:
    """Apply what is pending to the store at `path`, making it when there is none; returns what was applied.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    return apply_migrations(path)
