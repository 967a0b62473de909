"""What upkeep sees to, in every engine: names of queries that each engine has."""

from typing import Final, NamedTuple

PURGES: Final = ("purge_exchanges", "purge_budgets", "purge_credentials", "purge_roles")


class SealedColumn(NamedTuple):
    """A column that holds seals. `find` yields the row's id, the seal, and the natural key it was made for."""

    column: str
    find: str
    save: str


SEALED: Final = (
    SealedColumn("accounts.secret", "stale_accounts", "reseal_account"),
    SealedColumn("generations.value", "stale_generations", "reseal_generation"),
    SealedColumn("exchanges.answer", "stale_exchanges", "reseal_exchange"),
)
"""Every such column."""
