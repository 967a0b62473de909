"""Import users with the hashes that another system made of their passwords, in batches that are added whole or not."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Final, NamedTuple

from lingpai.core.audit import Change
from lingpai.core.errors import LingpaiError
from lingpai.core.names import fold
from lingpai.core.user_records import Profile, User
from lingpai.issuer.checks import check_login, check_password_hash, check_profile
from lingpai.issuer.context import Issuer

BATCH: Final = 1000
TAKEN: Final = "The login is taken."
_SEXES: Final = ("1", "2", "3")


class NewUser(NamedTuple):
    """A row of the import; `password_hash` may be "" for a user who cannot log in yet."""

    row: int
    login: str
    password_hash: str
    profile: Profile


class Fault(NamedTuple):
    """Why a row cannot be imported; `reason` is an English sentence."""

    row: int
    login: str
    reason: str


class Imported(NamedTuple):
    """The result of one batch.

    Attributes:
        added: how many users were added; none when there are faults.
        kept: how many were there already, and were left as they are.
        faults: by row.
    """

    added: int
    kept: int
    faults: tuple[Fault, ...]


async def import_users(issuer: Issuer, rows: AsyncIterable[NewUser | Fault]) -> AsyncIterator[Imported]:
    """Import users batch by batch, each all or none; repeating it changes nothing.

    Args:
        issuer: the realm.
        rows: the users; a fault for one who could not be read.

    Raises:
        LingpaiError: STORE_UNAVAILABLE; batches before this one are imported.
    """
    batch = list[NewUser | Fault]()
    async for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield await _import_batch(issuer, batch)
            batch = []
    if batch:
        yield await _import_batch(issuer, batch)


async def _import_batch(issuer: Issuer, batch: Sequence[NewUser | Fault]) -> Imported:
    """Import one batch. A login of a batch before is there already, as the store says."""
    faults, users, seen = [], [], set[str]()
    for row in batch:
        if isinstance(row, Fault):
            faults.append(row)
            continue
        reason = _fault(row, seen)
        if reason:
            faults.append(Fault(row.row, row.login, reason))
            continue
        login = check_login(row.login)
        user = User(realm=issuer.realm, login=login, profile=row.profile, created_at=issuer.now())
        users.append((row, user))
    kept = 0
    while users and not faults:
        change = Change("user.import", "", after={"users": len(users)})
        store = issuer.recording(change, happened=lambda taken: not taken)
        taken = await store.add_users([(user, row.password_hash) for row, user in users])
        if not taken:
            return Imported(len(users), kept, ())
        there = [users[position] for position in taken]
        found = await asyncio.gather(
            *(issuer.store.find_login(issuer.realm, user.login) for _, user in there)
        )
        for (row, user), known in zip(there, found, strict=True):
            if known is not None and known[0].login == user.login:
                kept += 1
            else:  # somebody is there in another spelling
                faults.append(Fault(row.row, row.login, TAKEN))
        left = frozenset(range(len(users))) - frozenset(taken)
        users = [users[position] for position in sorted(left)]
    return Imported(0, kept, tuple(faults))


def _fault(row: NewUser, seen: set[str]) -> str:
    """Why a row cannot be imported, "" when it can be; then `seen` gets its login as all spellings have it."""
    try:
        key = fold(check_login(row.login))
        check_profile(row.profile)
        if row.password_hash:
            check_password_hash(row.password_hash)
    except LingpaiError as error:
        return error.reason
    if row.profile.sex not in _SEXES:
        reason = "The sex of a user is 1, 2 or 3."
    elif key in seen:
        reason = "The login occurs twice."
    else:
        seen.add(key)
        return ""
    return reason
