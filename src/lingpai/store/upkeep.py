"""The work of upkeep, in every engine: names of queries that each engine has."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from lingpai.store.vault import UnreadableError, Vault

PURGES: Final = (
    "purge_exchanges",
    "purge_budgets",
    "purge_credentials",
    "purge_roles",
    "purge_proofs",
    "purge_events",
    "purge_pushes",
    "purge_relay_copies",
    "purge_relay_messages",
)


class SealedColumn(NamedTuple):
    """A column of seals. `find` yields the row's id, the seal, and the natural key it was made for."""

    column: str
    find: str
    save: str


SEALED: Final = (
    SealedColumn("accounts.secret", "stale_accounts", "reseal_account"),
    SealedColumn("generations.value", "stale_generations", "reseal_generation"),
    SealedColumn("exchanges.answer", "stale_exchanges", "reseal_exchange"),
    SealedColumn("hooks.secret", "stale_hooks", "reseal_hook"),
    SealedColumn("hooks.former_secret", "stale_former_hooks", "reseal_former_hook"),
    SealedColumn("accounts.further", "stale_further", "reseal_further"),
    SealedColumn("pushes.content", "stale_pushes", "reseal_push"),
    SealedColumn("relays.secrets", "stale_relays", "reseal_relay"),
    SealedColumn("environments.secrets", "stale_environments", "reseal_environment"),
    SealedColumn("relay_messages.content", "stale_relay_messages", "reseal_relay_message"),
)
"""Every such column."""

_SAMPLES: Final = {
    "accounts.secret": "secret, platform, account, label FROM accounts",
    "generations.value": "value, credential_id, version FROM generations",
    "exchanges.answer": "answer, digest FROM exchanges",
    "hooks.secret": "secret, name FROM hooks",
    "hooks.former_secret": "former_secret, name FROM hooks",
    "accounts.further": "further, platform, account, label FROM accounts",
    "pushes.content": "content, digest FROM pushes",
    "relays.secrets": "secrets, app FROM relays",
    "environments.secrets": "secrets, name FROM environments",
    "relay_messages.content": "content, app, digest FROM relay_messages",
    "issuer_users.password_sealed": "password_sealed, realm, id FROM issuer_users",
    "issuer_secrets.sealed": "s.sealed, a.realm, a.app_id FROM issuer_secrets s JOIN issuer_apps a ON a.id = s.app_row",
    "issuer_signing_keys.sealed": "sealed, realm, kid FROM issuer_signing_keys",
    "issuer_login_keys.sealed": "sealed, realm, number FROM issuer_login_keys",
    "issuer_identities.sealed": "sealed, realm, provider, digest FROM issuer_identities",
}
"""Seals of every kind, with the natural key that each was made for, as either engine reads them."""


_INDEXED: Final = ("accounts.secret", "generations.value", "exchanges.answer", "issuer_secrets.sealed")
"""Columns whose seals are indexed by their key."""


def samples(key: str) -> Mapping[str, str]:
    """A statement for each column of seals, which yields one that a key made, and the natural key of its row.

    Args:
        key: the placeholder of the engine for the first four bytes of the seal, which are the key's id.
    """
    return {
        column: f"SELECT {read} WHERE {_seal(read)} IS NOT NULL AND substr({_seal(read)}, 1, 4) = {key} LIMIT 1"
        for column, read in _SAMPLES.items()
    }


def newest_seals() -> list[str]:
    """Statements that yield the first four bytes of the newest key's seal in a column, by its index."""
    return [
        f"SELECT substr({_seal(read)}, 1, 4) FROM {read.partition(' FROM ')[2]} "  # noqa: S608  our own words
        f"WHERE {_seal(read)} IS NOT NULL ORDER BY 1 DESC LIMIT 1"
        for read in map(_SAMPLES.__getitem__, _INDEXED)
    ]


def keys_in_use() -> list[str]:
    """Statements that yield the first four bytes of seals, which are ids of keys; one for each column."""
    return [
        f"SELECT DISTINCT substr({_seal(read)}, 1, 4) FROM {read.partition(' FROM ')[2]} "  # noqa: S608  our own words
        f"WHERE {_seal(read)} IS NOT NULL"
        for read in _SAMPLES.values()
    ]


def opens(vault: Vault, column: str, rows: Sequence[Sequence[Any]]) -> bool:
    """True when all these seals open, each followed by the natural key of its row."""
    try:
        for sealed, *row in rows:
            vault.open(sealed, column, *row)
    except UnreadableError:
        return False
    return True


def _seal(read: str) -> str:
    return read.partition(",")[0]
