"""Between rows and records, for every engine: columns, ends, seals."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from lingpai.core.clock import Clock, End
from lingpai.core.records import (
    Account,
    Caller,
    Credential,
    CredentialKey,
    CredentialStatus,
    Generation,
    RoleHolder,
    Trouble,
)
from lingpai.core.third_parties import Via
from lingpai.store.port import Fetched
from lingpai.store.queries import Row
from lingpai.store.vault import Vault

NO_END: Final = (None, None, None)
FURTHER: Final = "accounts.further"
_names = msgspec.json.Decoder(tuple[str, ...])
_troubles = msgspec.json.Decoder(Trouble)


class _Further(msgspec.Struct, omit_defaults=True):
    """What accounts of third-party platforms have besides: attributes of `Account`."""

    callback_token: str = ""
    encoding_key: str = ""
    former_encoding_key: str = ""
    corpid: str = ""
    next_urls: tuple[str, ...] = ()
    via: Via | None = None


_NOTHING: Final = _Further()
_further = msgspec.json.Decoder(_Further)


def moment(clock: Clock) -> dict[str, Any]:
    """This moment as bindings `wall`, `steady`, `epoch`: what queries compare ends with."""
    return {"wall": clock.now(), "steady": clock.steady(), "epoch": clock.epoch}


def end_columns(name: str, end: End | None) -> dict[str, Any]:
    """An end as bindings `<name>_wall`, `<name>_steady`, `<name>_epoch`."""
    return dict(zip((f"{name}_wall", f"{name}_steady", f"{name}_epoch"), end or NO_END, strict=True))


def as_of_now(credential: Credential | None, clock: Clock) -> Credential | None:
    """The credential without a previous generation whose end has passed."""
    if credential is None or credential.previous is None:
        return credential
    if credential.previous.end.remaining(clock) > 0:
        return credential
    return msgspec.structs.replace(credential, previous=None)


def is_older(fetched: Fetched, credential: Credential, seen: int | None) -> bool:
    """Return whether a newer value is stored already: of a version above `seen`, or by its time where that is None.

    Of two values of one moment the later one is the newer.
    """
    if seen is not None:
        return credential.version > seen
    return credential.current is not None and credential.current.fetched_at > fetched.fetched_at


def write_names(names: tuple[str, ...]) -> str:
    """A list of names as stored in a column (JSON)."""
    return msgspec.json.encode(names).decode()


def write_trouble(trouble: Trouble) -> str:
    """A trouble as stored in a column (JSON)."""
    return msgspec.json.encode(trouble).decode()


def _end(wall: float | None, steady: float, epoch: str) -> End | None:
    return None if wall is None else End(wall, steady, epoch)


def read_account(row: Row, vault: Vault) -> Account:
    """An account from (platform, account, label, secret, mode, domains, source, hand_out, origins, further)."""
    platform, account, label, secret, mode, domains, source, hand_out, origins, sealed = row
    further = (
        _NOTHING if sealed is None else _further.decode(vault.open(sealed, FURTHER, platform, account, label))
    )
    return Account(
        platform=platform,
        account=account,
        label=label,
        secret=vault.open(secret, "accounts.secret", platform, account, label),
        mode=mode,
        domains=_names.decode(domains),
        source=source,
        hand_out=hand_out,
        origins=_names.decode(origins),
        **msgspec.structs.asdict(further),
    )


def write_further(account: Account, vault: Vault) -> bytes | None:
    """What an account of a third-party platform has besides, encrypted as stored; None when it has nothing."""
    further = _Further(*(getattr(account, name) for name in _Further.__struct_fields__))
    if further == _NOTHING:
        return None
    text = msgspec.json.encode(further).decode()
    return vault.seal(text, FURTHER, account.platform, account.account, account.label)


def read_caller(row: Row) -> Caller:
    """A caller from (name, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at)."""
    name, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at = row
    return Caller(
        name=name,
        environment=environment,
        apps=_names.decode(apps),
        rights=_names.decode(rights),
        networks=_names.decode(networks),
        forward=_names.decode(forward),
        hand_out=hand_out,
        created_at=created_at,
        revoked_at=revoked_at,
    )


def read_key_owner(rows: Sequence[Row]) -> Caller | None:
    """Return the caller of a key, from a caller's row and the end of its former key."""
    if not rows:
        return None
    *columns, ends_at = rows[0]
    caller = read_caller(tuple(columns))
    return caller if ends_at is None else msgspec.structs.replace(caller, key_ends_at=ends_at)


def caller_now(owner: Caller | None, clock: Clock) -> Caller | None:
    """Return the caller who may use a key now; None also from the very moment at which a replaced key ends."""
    if owner is None or (owner.key_ends_at is not None and owner.key_ends_at <= clock.now()):
        return None
    return owner


def read_credential(rows: Sequence[Row], vault: Vault) -> Credential | None:
    """A credential from its rows, one per generation, newest first; None from none.

    Its own columns come first, then (version, value, end_wall, end_steady, end_epoch, lifetime, fetched_at) of the
    generation.
    """
    if not rows:
        return None
    credential_id, platform, account, secret_digest, kind, version, suspect, trouble, *renew = rows[0][:11]
    generations = [read_generation(credential_id, row[11:], vault) for row in rows if row[11] is not None]
    current, previous, *_ = [*generations, None, None]
    return Credential(
        id=credential_id,
        key=CredentialKey(platform, account, secret_digest, kind),
        version=version,
        current=current,
        previous=previous,
        suspect=bool(suspect),
        trouble=None if trouble is None else _troubles.decode(trouble),
        renew=_end(*renew),
    )


def read_generation(credential_id: int, row: Row, vault: Vault) -> Generation:
    """A generation from (version, value, end_wall, end_steady, end_epoch, lifetime, fetched_at)."""
    version, value, end_wall, end_steady, end_epoch, lifetime, fetched_at = row
    return Generation(
        version=version,
        value=vault.open(value, "generations.value", credential_id, version),
        end=End(end_wall, end_steady, end_epoch),
        lifetime=lifetime,
        fetched_at=fetched_at,
    )


def read_role_holders(rows: Sequence[Row], clock: Clock) -> tuple[RoleHolder, ...]:
    """Return the current role holders, from rows (role, holder, end in three)."""
    found = (RoleHolder(role, holder, End(*end)) for role, holder, *end in rows)
    return tuple(each for each in found if each.end.remaining(clock) > 0)


def read_status(row: Row) -> CredentialStatus:
    """A status from a row of `list_statuses`; ends are three columns each."""
    platform, account, label, kind, version, suspect, trouble, wall, steady, epoch, fetched_at, lifetime = (
        row[:12]
    )
    return CredentialStatus(
        platform=platform,
        account=account,
        label=label,
        kind=kind,
        version=version,
        end=_end(wall, steady, epoch),
        fetched_at=fetched_at,
        lifetime=lifetime,
        suspect=bool(suspect),
        trouble=None if trouble is None else _troubles.decode(trouble),
        previous_end=_end(*row[12:15]),
        renew=_end(*row[15:18]),
    )
