"""The signing keys of a realm: made at first use, published before they sign, kept until their last token has ended.

Of each algorithm a realm has keys with numbers from 1. The newest that has begun to sign signs. Its row contains the
time at which it begins, so all nodes switch at the same second. A successor is published `PUBLISHED` seconds ahead,
and one that was replaced stays published for `KEPT` seconds, in which the last token that it signed ends.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from lingpai.core.audit import Change
from lingpai.core.issuer_records import SigningKey
from lingpai.issuer import jose
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import DAY, HOUR, MINUTE

TURNED: Final = 90 * DAY
"""Age of a key, in seconds, at which it gets a successor."""
PUBLISHED: Final = DAY
"""Seconds for which a successor is published before it signs: clients keep what they have fetched for an hour."""
SOON: Final = MINUTE
"""Seconds until a successor signs that an operator wants at once: more than any node takes to notice it."""
KEPT: Final = HOUR + 10 * MINUTE
"""Seconds for which a key stays published after its last signature: no token that it signs lives longer."""
FORGOTTEN: Final = 400 * DAY
"""Seconds after its last signature for which a key still verifies its own tokens, which clients send as hints."""
LOOK_SECONDS: Final = 10.0


class Stage(NamedTuple):
    """A key, and where it is in its life.

    Attributes:
        key: the key.
        state: "published", "signs", "kept" or "gone".
        signs_until: when its successor signs, None when it has none.
    """

    key: SigningKey
    state: str
    signs_until: int | None


class KeySet:
    """The keys of a realm as they were read.

    Args:
        keys: by algorithm and number.
        signers: what signs with each, by `kid`.
    """

    def __init__(self, keys: Sequence[SigningKey], signers: Mapping[str, jose.Signer]) -> None:
        self.keys = keys
        self.signers = signers
        self._by_alg = {alg: [key for key in keys if key.alg == alg] for alg in jose.ALGORITHMS}

    def newest(self, alg: str) -> SigningKey | None:
        """The key with the highest number, whether it signs yet or not."""
        return self._by_alg[alg][-1] if self._by_alg[alg] else None

    def signer(self, alg: str, now: int) -> jose.Signer:
        """Return the key that signs at this time."""
        first, *later = self._by_alg[alg]
        signing = [first, *(key for key in later if key.signs_from <= now)]
        return self.signers[signing[-1].kid]

    def stages(self, now: int) -> list[Stage]:
        """Every key and its state at this time."""
        return [stage for alg in jose.ALGORITHMS for stage in _stages(self._by_alg[alg], now)]

    def document(self, now: int) -> bytes:
        """The published keys as a JSON Web Key Set (RFC 7517 §5)."""
        published = (stage.key.public for stage in self.stages(now) if stage.state != "gone")
        return b'{"keys":[' + ",".join(published).encode() + b"]}"


class SigningKeys:
    """Finds, makes and turns the keys of one realm.

    Args:
        issuer: the realm.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._turn = asyncio.Lock()
        self._set: KeySet | None = None
        self._look_at = 0.0

    async def current(self) -> KeySet:
        """The keys, as they stood a few seconds ago; those that are missing are made.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        found = self._set
        if found is not None and self._issuer.clock.steady() < self._look_at:
            return found
        async with self._turn:
            if self._set is None or self._issuer.clock.steady() >= self._look_at:
                self._set = await self._look()
                self._look_at = self._issuer.clock.steady() + LOOK_SECONDS
            return self._set

    async def sign(self, alg: str, claims: Mapping[str, Any], typ: str = jose.JWT) -> str:
        """A token with these claims, signed by the key that signs now; a slow signature delays nobody else.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        signer = (await self.current()).signer(alg, self._issuer.now())
        if signer.slow:  # it lets go of the interpreter meanwhile
            return await asyncio.to_thread(signer.sign, claims, typ)
        return signer.sign(claims, typ)

    async def stored(self) -> KeySet:
        """The keys as they are stored at this moment; none is made.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        return await self._read()

    async def rotate(self, ahead: int = PUBLISHED) -> KeySet:
        """Give each algorithm a successor that signs `ahead` seconds from now, unless one waits to sign already.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        async with self._turn:
            found = await self._look()
            now = self._issuer.now()
            for alg in jose.ALGORITHMS:
                newest = found.newest(alg)
                if newest is not None and newest.signs_from <= now:
                    await self._make(alg, newest.number + 1, now + ahead)
            self._set = await self._read()
            return self._set

    async def _look(self) -> KeySet:
        found = await self._read()
        now, made = self._issuer.now(), False
        for alg in jose.ALGORITHMS:
            newest = found.newest(alg)
            if newest is None:
                await self._make(alg, 1, now)
                made = True
            elif newest.signs_from + TURNED <= now + PUBLISHED:
                await self._make(alg, newest.number + 1, now + PUBLISHED)
                made = True
        return await self._read() if made else found

    async def _make(self, alg: str, number: int, signs_from: int) -> None:
        """Add a key; when another node was faster, its key stays."""
        made = await asyncio.to_thread(jose.make_key, alg)
        now = self._issuer.now()
        key = SigningKey(
            realm=self._issuer.realm,
            alg=alg,
            number=number,
            kid=made.kid,
            public=made.public,
            private=made.private,
            created_at=now,
            signs_from=signs_from,
        )
        change = Change("realm.signing-key", "", after={"alg": alg, "number": number, "kid": made.kid})
        await self._issuer.recording(change).add_signing_key(key, now - FORGOTTEN)

    async def _read(self) -> KeySet:
        keys = await self._issuer.store.list_signing_keys(self._issuer.realm)
        known = self._set.signers if self._set is not None else {}
        signers = {
            key.kid: known.get(key.kid) or jose.Signer(key.alg, key.kid, key.private)
            for key in keys
            if key.alg in jose.ALGORITHMS
        }
        return KeySet(keys, signers)


def _stages(keys: Iterable[SigningKey], now: int) -> list[Stage]:
    stages = []
    for key, successor in pairwise((*keys, None)):
        if key is None:
            continue
        until = None if successor is None else successor.signs_from
        if key.signs_from > now:
            state = "published"
        elif until is None or until > now:
            state = "signs"
        else:
            state = "kept" if until + KEPT > now else "gone"
        stages.append(Stage(key, state, until))
    return stages
