"""Between rows and records of logins at a site of the operator's own, for every engine."""

from typing import Any, Final

from lingpai.core.identity_records import Identity, LoginKey
from lingpai.store.queries import Row
from lingpai.store.vault import Vault

LOGIN_KEY_COLUMN: Final = "issuer_login_keys.sealed"
SUBJECT_COLUMN: Final = "issuer_identities.sealed"
RESEALED: Final = (
    (LOGIN_KEY_COLUMN, "stale_login_keys", "reseal_login_key"),
    (SUBJECT_COLUMN, "stale_subjects", "reseal_subject"),
)
"""Each column with seals, the query for stale ones (the seal, then the row's natural key), and the one that saves."""
COUNTS: Final = ("sealed_login_keys", "sealed_subjects")
"""The queries that count seals by key."""


def read_login_key(row: Row, vault: Vault) -> LoginKey:
    """A key from a row of `list_login_keys`.

    Raises:
        UnreadableError: this node's key ring does not decrypt it.
    """
    realm, number, sealed, created_at, used_at = row
    key = vault.open(sealed, LOGIN_KEY_COLUMN, realm, number)
    return LoginKey(realm=realm, number=number, key=key, created_at=created_at, used_at=used_at)


def login_key_columns(key: LoginKey, vault: Vault) -> dict[str, Any]:
    """A key as bindings of `add_login_key`."""
    sealed = vault.seal(key.key, LOGIN_KEY_COLUMN, key.realm, key.number)
    return {
        "realm": key.realm,
        "number": key.number,
        "sealed": sealed,
        "created_at": key.created_at,
        "used_at": key.used_at,
    }


def key_of(identity: Identity) -> tuple[str, str, bytes]:
    """The primary key of an identity's row."""
    return identity.realm, identity.provider, identity.digest


def seal_subject(identity: Identity, vault: Vault) -> bytes:
    """The subject of an identity as it is kept."""
    return vault.seal(identity.subject, SUBJECT_COLUMN, *key_of(identity))
