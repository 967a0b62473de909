"""The service as operators see it: the keeper, the realms, and the actor."""

import base64
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lingpai.core.audit import Actor
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Account
from lingpai.core.seals import Digester
from lingpai.issuer.app_admin import SECRET_BYTES, new_secret
from lingpai.issuer.context import Issuer
from lingpai.issuer.realms import Realm
from lingpai.keeper import hooks
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.keys import KEY_PREFIX, new_key
from lingpai.operating.findings import Finding
from lingpai.operating.refusals import Refusals


class Examiner(Protocol):
    """Finds out what does not work; see `lingpai.diagnosis`, which knows the settings."""

    async def examine(self, site: "Site", *, offline: bool, store_only: bool) -> list[Finding]:
        """Return the findings of every check; with `offline`, of those that contact nobody.

        With `store_only` the settings and files of the host are left out: some have to be looked at before the store
        is opened, which mends them.
        """
        ...

    async def examine_account(self, site: "Site", account: Account) -> Finding:
        """Return whether an account has a valid token, which is fetched when none is stored."""
        ...


def _nothing(_done: Any) -> None:
    """Show nothing."""


@dataclasses.dataclass(frozen=True)
class Site:
    """One service as operators see it.

    Attributes:
        keeper: the token hub; acts for the operator.
        issuers: the realms by name, disabled ones too; they act for the operator.
        realms: their settings.
        enabled: names of the realms that are served.
        tags: makes entity tags.
        examiner: finds out what does not work.
        origin: of the service, for addresses that are shown.
        named: names of the realms that settings name; the others are there by default.
        chinese: whether texts for people are Chinese.
        nonce: what new secrets derive from, so that a lost answer can be given again; b"" for random ones.
        advance: called with the number of values of a long operation that were just done.
        refusals: notes refused calls.
        interrupted: called with what a long operation had done when it was interrupted.
    """

    keeper: Keeper
    issuers: Mapping[str, Issuer]
    realms: Mapping[str, Realm]
    enabled: frozenset[str]
    tags: Digester
    examiner: Examiner
    origin: str = ""
    named: frozenset[str] = frozenset()
    chinese: bool = False
    nonce: bytes = b""
    advance: Callable[[int], None] = _nothing
    interrupted: Callable[[dict[str, Any]], None] = _nothing
    refusals: Refusals = dataclasses.field(default_factory=Refusals)

    @classmethod
    def of(
        cls,
        keeper: Keeper,
        issuers: Mapping[str, Issuer],
        realms: tuple[Realm, ...],
        enabled: frozenset[str],
        *,
        examiner: Examiner,
        origin: str = "",
        named: frozenset[str] = frozenset(),
    ) -> Self:
        """Return a site that acts for nobody yet; see `by`."""
        by_name = {realm.name: realm for realm in realms}
        tags = Digester(keeper.ring, "entity tags")
        return cls(keeper, issuers, by_name, enabled, tags, examiner, origin=origin, named=named)

    def by(self, actor: Actor, *, chinese: bool = False) -> "Site":
        """Return this site as it acts for an operator."""
        issuers = {name: issuer.by(actor) for name, issuer in self.issuers.items()}
        return dataclasses.replace(self, keeper=self.keeper.by(actor), issuers=issuers, chinese=chinese)

    def issuer(self, realm: str) -> Issuer:
        """Return the realm of this name.

        Raises:
            LingpaiError: NOT_FOUND.
        """
        found = self.issuers.get(realm)
        if found is None:
            raise LingpaiError(Kind.NOT_FOUND, f"There is no realm {realm}.", parameter="realm")
        return found

    def caller_key(self, name: str = "") -> str:
        """Return a new caller key; `name` is the caller's, in a request that makes several."""
        if not self.nonce:
            return new_key()
        derived = self._derive(_of("caller key", name), 32)
        return KEY_PREFIX + base64.urlsafe_b64encode(derived).rstrip(b"=").decode()

    def hook_secret(self) -> str:
        """Return a new secret for a webhook."""
        return hooks.new_secret(self._derive("hook secret", hooks.SECRET_BYTES) if self.nonce else None)

    def app_secret(self, issuer: Issuer, name: str = "") -> str:
        """Return a new secret for an app; `name` is `realm/app_id`, in a request that makes several."""
        return self._derive(_of("app secret", name), SECRET_BYTES).hex() if self.nonce else new_secret(issuer)

    def _derive(self, purpose: str, length: int) -> bytes:
        pepper = self.keeper.ring.derive_pepper("secrets of repeated answers")
        derivation = HKDF(hashes.SHA256(), length, salt=self.nonce, info=purpose.encode())
        return derivation.derive(pepper)


def _of(purpose: str, name: str) -> str:
    return f"{purpose} of {name}" if name else purpose
