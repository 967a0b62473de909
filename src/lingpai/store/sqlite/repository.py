"""The base of every repository."""

from lingpai.core.clock import Clock
from lingpai.store.sqlite.engine import Engine
from lingpai.store.vault import Vault


class Repository:
    """A group of the store's verbs.

    Args:
        engine: the open database.
        vault: seals and digests.
        clock: the time by which ends pass.
    """

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock
