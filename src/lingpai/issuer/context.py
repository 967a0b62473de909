"""One realm of the issuer, with everything that its verbs use."""

import copy
import math
import secrets
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Self

from lingpai.core.audit import Actor, Change
from lingpai.core.clock import Clock
from lingpai.core.handles import Handle, HandleKind, Handles, read_salts
from lingpai.core.keyring import KeyRing
from lingpai.core.sealed_texts import SealedTexts
from lingpai.core.seals import Digester
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Policy, Throttling, lives_of
from lingpai.issuer.throttle import SharedThrottle
from lingpai.store.issuer_port import IssuerStore


class Issuer:
    """One realm: an instance of a dialect. It shares only the process and the store with other realms.

    Attributes:
        realm: the instance's name, such as `yzb-test`.
        policy: its lifetimes and rules.
        lives: the lifetimes for each kind of grant.
        openers: for each kind, what decrypts its handles, in the policy's format for it.
        sealers: for each kind, what makes its handles.
        store: the issuer's verbs of the store.
        clock: the source of the time.
        digest_secret: keyed digest of apps' secrets.
        digest_machine: keyed digest of terminals' secrets and shown keys.
        digest_other: keyed digest of other texts that are looked up but not stored.
        passwords: hashes and checks users' passwords.
        throttle: counts wrong app secrets.
        terminal_throttle: counts wrong secrets of terminals, by the app that passes them.
        requests: encrypts authorization requests, which the browser carries.
        actor: the operator that it acts for, see `by`; None for the service itself.
        random_bytes: the source of randomness.
        standing: rows of apps' standing grants that were seen last, see `verbs.standing`.
        new_salt: returns the salt of a new row that handles will name.
    """

    def __init__(
        self,
        realm: str,
        policy: Policy,
        store: IssuerStore,
        ring: KeyRing,
        clock: Clock,
        *,
        anchor: float,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        passwords: Passwords | None = None,
    ) -> None:
        self.realm = realm
        self._handles = Handles(ring, realm, clock)
        self.policy = policy
        self.store = store
        self.clock = clock
        self.digest_secret = Digester(ring, "issuer app secret")
        self.digest_terminal = Digester(ring, "issuer machine secret")
        self.digest_other = Digester(ring, "issuer " + realm)
        self._ring = ring
        self.requests = self.sealed_texts("authorization requests")
        self.passwords = passwords or Passwords()
        self.throttle = self._throttle("app secret", lambda: self.policy.authentication)
        self.terminal_throttle = self._throttle("terminal secret", lambda: self.policy.terminals)
        self.random_bytes = random_bytes
        self.new_salt: Callable[[], int] = read_salts(random_bytes).__next__
        self.standing: dict[tuple[int, int], int] = {}
        self.actor: Actor | None = None
        self._steady = clock.steady
        self._anchor = anchor

    @classmethod
    async def open(
        cls,
        realm: str,
        policy: Policy,
        store: IssuerStore,
        ring: KeyRing,
        clock: Clock,
        passwords: Passwords | None = None,
    ) -> "Issuer":
        """Open an issuer with the store's time.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        return cls(realm, policy, store, ring, clock, anchor=await store.anchor(), passwords=passwords)

    def by(self, actor: Actor) -> Self:
        """Return this realm as it acts for an operator: what it changes is recorded."""
        acting = copy.copy(self)
        acting.actor = actor
        return acting

    def recording(self, change: Change, happened: Callable[[Any], bool] = bool) -> IssuerStore:
        """Return the store whose next change is recorded, when this acts for an operator; see `Recording`.

        The realm's name is put before the target.
        """
        if self.actor is None:
            return self.store
        return self.store.recording(self.actor, self._within(change), happened)

    async def note(self, change: Change) -> None:
        """Record what no verb of the store does, when this acts for an operator."""
        if self.actor is not None:
            await self.store.note(self.actor, self._within(change))

    def _within(self, change: Change) -> Change:
        return change._replace(target=f"{self.realm}/{change.target}" if change.target else self.realm)

    def sealed_texts(self, purpose: str) -> SealedTexts:
        """Return what encrypts texts of one purpose that browsers carry for this realm."""
        return SealedTexts(self._ring, purpose, b"lingpai/realm/" + self.realm.encode(), self.clock)

    def digest_of(self, *parts: str) -> bytes:
        """Return the keyed digest of several texts in this order; no other texts have the same input."""
        return self.digest_other("".join(f"{len(part)}:{part}" for part in parts))

    def _throttle(self, kind: str, limits: Callable[[], Throttling]) -> SharedThrottle:
        return SharedThrottle(
            kind, self.store, self.clock, now=self.now, digest=self.digest_of, limits=limits
        )

    def _set_policy(self, policy: Policy) -> None:
        self._policy = policy
        self.lives = lives_of(policy)
        formats = dict.fromkeys(HandleKind, policy.token_format) | {HandleKind.CODE: policy.code_format}
        self._formats = formats
        self.openers = {kind: self._handles.opener(kind, form) for kind, form in formats.items()}
        self.sealers = {kind: self._handles.sealer(kind, form) for kind, form in formats.items()}

    # Read in each request, so without a Python function in between.
    policy: Policy = property(attrgetter("_policy"), _set_policy)  # type: ignore[assignment]

    def now(self) -> int:
        """Return the issuer's time in whole unix seconds.

        Steps of the wall clock do not change it (`IssuerStore.anchor`).
        """
        return math.floor(self._steady() + self._anchor)

    def wall(self, moment: int) -> int:
        """Convert a time of the issuer to the wall clock, in unix seconds."""
        return moment + self.now_and_ahead()[1]

    def now_and_ahead(self) -> tuple[int, int]:
        """Return the issuer's time, see `now`, and how many whole seconds the wall clock is ahead of it."""
        moment = self._steady() + self._anchor
        return math.floor(moment), round(self.clock.now() - moment)

    def seal(
        self, kind: HandleKind, row: int, generation: int, issued_at: int, salt: int, words: int = 0
    ) -> str:
        """Return a handle of the row with this salt, in the policy's format for its kind."""
        return self.sealers[kind](row, generation, issued_at, salt, words)

    def seal_with_each(
        self, kind: HandleKind, row: int, generation: int, issued_at: int, salt: int
    ) -> tuple[str, ...]:
        """Return a handle encrypted with each key of the ring, so including its text before a rotation."""
        return self._handles.seal_with_each(
            Handle(kind, row, generation, issued_at, salt), self._formats[kind]
        )

    def unseal(self, text: str, kind: HandleKind) -> Handle | None:
        """Decrypt a handle; return None when it is not one of this realm, this kind and this format."""
        return self.openers[kind](text)
