"""The issuer's samples: what each dialect declares, in its first enabled realm, and the same two users in each."""

from collections.abc import Mapping, Sequence

from lingpai.core.user_records import Profile, User
from lingpai.devdata.records import FIRST_PASSWORD, SECOND_PASSWORD
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.realms import Realm
from lingpai.issuer.samples import LANDING, SampleRealm, Values

FIRST, SECOND = "alice", "bob"


def sample_realms(realms: Sequence[Realm]) -> dict[str, Realm]:
    """Return the realm for the samples of each dialect that has some, by dialect: the first enabled one."""
    found: dict[str, Realm] = {}
    for realm in realms:
        if dialects()[realm.dialect].samples is not None and not realm.login:  # samples log in by password
            found.setdefault(realm.dialect, realm)
    return found


def landing(origin: str) -> str:
    """Return the redirect URI of the sample apps."""
    return origin + LANDING


async def add_issuer_samples(
    issuers: Mapping[str, Issuer],
    realms: Sequence[Realm],
    values: Values,
    origin: str,
    app_url: str = "",
) -> None:
    """Add the samples, as an operator would; of existing ones only the redirect URI changes.

    Args:
        issuers: by the realms' names.
        realms: the enabled ones.
        values: ids and secrets.
        origin: scheme, host and port under which browsers reach the service at this start.
        app_url: base URL of the sample web app at this start, "" when none runs.
    """
    hashes: dict[str, str] = {}
    for dialect, realm in sample_realms(realms).items():
        issuer, samples = issuers[realm.name], dialects()[dialect].samples
        ming, bob = Profile(nick="小明", seller_name="小明的店"), Profile(nick="Bob", seller_name="Bob's")
        owner = await _add_user(issuer, FIRST, values[FIRST_PASSWORD], hashes, ming)
        await _add_user(issuer, SECOND, values[SECOND_PASSWORD], hashes, bob)
        if samples is not None:
            await samples.add(SampleRealm(issuer, owner, values, landing(origin), app_url))


async def _add_user(
    issuer: Issuer, login: str, password: str, hashes: dict[str, str], profile: Profile
) -> User:
    """Add a user unless there is one; the hash of their password is made for the first realm alone."""
    found = await issuer.store.find_login(issuer.realm, login)
    if found is not None:
        return found[0]
    if password not in hashes:
        hashes[password] = await issuer.passwords.hash(password)
    return await admin.add_user(issuer, login, password, profile, password_hash=hashes[password])
