"""Values that the store's tests are made of."""

from lingpai.core.clock import Clock, end_after
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Account, Credential, CredentialKey, Lease, Trouble
from lingpai.core.seals import Digester
from lingpai.store.port import Fetched, Store

LIFETIME = 7200.0
OVERLAP = 300.0
RENEW_IN = 3600.0
TTL = 30.0


def account(name: str = "wx1", *, secret: str = "s3cret-of-wx1", label: str = "", mode: str = "") -> Account:
    return Account(platform="wechat", account=name, label=label, secret=secret, mode=mode)


def key_of(ring: KeyRing, account: Account, kind: str = "access_token") -> CredentialKey:
    digest = Digester(ring, "app secret")(account.secret)
    return CredentialKey(account.platform, account.account, digest, kind)


def fetched(clock: Clock, value: str, lifetime: float = LIFETIME) -> Fetched:
    return Fetched(value, end_after(clock, lifetime), lifetime, clock.now())


def trouble(clock: Clock, *, permanent: bool = False, wait: float = 60.0) -> Trouble:
    return Trouble(
        permanent=permanent,
        code=40013,
        message="invalid appid 无效",
        count=2,
        since=clock.now(),
        retry=end_after(clock, wait),
    )


async def lease_on(store: Store, key: CredentialKey, holder: str = "a", seen: int = 99) -> Lease:
    lease, _ = await store.acquire_lease(key, holder, seen, TTL)
    assert lease is not None
    return lease


async def renew(
    store: Store, clock: Clock, key: CredentialKey, value: str, *, renew_in: float = RENEW_IN
) -> Credential:
    """One whole renewal: lease, fetch, save."""
    lease = await lease_on(store, key)
    kept = await store.save_generation(
        lease, fetched(clock, value), end_after(clock, OVERLAP), end_after(clock, renew_in)
    )
    assert kept is not None
    return kept
