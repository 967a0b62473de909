"""Requests with an `Idempotency-Key`: done once, and answered again for a day.

An answer is kept without its secret. That derives from a nonce, which is erased after ten minutes: until then a lost
answer is given again whole, later with `null` and a hint. A secret that derives from nothing is given once.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.seals import Digester
from lingpai.operating.port import Document
from lingpai.operating.site import Site

KEPT: Final = 86_400.0
UNDER_WAY: Final = 3600.0
"""Seconds for which a request counts as under way: after that the process that made it is dead."""
LONGEST: Final = 255
"""Characters of a key."""
_NONCE_BYTES: Final = 16
_encode = msgspec.json.Encoder().encode


class Repeats:
    """Remembers answers in the store.

    Args:
        site: whose store it is.
    """

    def __init__(self, site: Site) -> None:
        self._store, self._clock = site.keeper.store, site.keeper.clock
        self._digest = Digester(site.keeper.ring, "repeated requests")

    async def once(
        self,
        names: tuple[str, str, str],
        body: Document,
        run: Callable[[bytes], Awaitable[Document]],
        secret: str,
        again: Callable[[bytes, Document], Any] | None,
    ) -> Document:
        """Return the answer of a request that is made once, however often it is sent.

        Args:
            names: the idempotency key, the admin key's name, and the path.
            body: of the request.
            run: makes it; secrets derive from what it is given.
            secret: the name of the answer's secret, or "".
            again: returns the secret that derived from a nonce, by the rest of the answer; None when it derives from
                nothing. Where the answer has several, by name, that rest has the names.

        Raises:
            LingpaiError: INVALID_PARAMETER; KEY_REUSED for another body; CONFLICT while the first is under way;
                whatever `run` raises, and then the request may be sent again.
        """
        if len(names[0]) > LONGEST or not names[0].isprintable():
            raise LingpaiError(
                Kind.INVALID_PARAMETER,
                "An Idempotency-Key has 1 to 255 characters.",
                parameter="idempotency-key",
            )
        digest = self._digest("".join(f"{len(name)}:{name}" for name in names))
        own, nonce = self._digest(_encode(body).decode()), secrets.token_bytes(_NONCE_BYTES)
        kept = await self._store.claim_answer(digest, own, nonce, self._clock.now() + UNDER_WAY)
        if kept is None:
            try:
                answer = await run(nonce)
            except BaseException:
                await self._store.drop_answer(digest)
                raise
            shown = _without(answer, secret)
            await self._store.keep_answer(digest, 200, _encode(shown).decode(), self._clock.now() + KEPT)
            return answer
        if kept.body != own:
            raise LingpaiError(Kind.KEY_REUSED, "The Idempotency-Key was used for another request.")
        if kept.status is None:
            raise LingpaiError(Kind.CONFLICT, "The same request is under way; try again.", retry_after=1.0)
        document: dict[str, Any] = msgspec.json.decode(kept.answer)
        if secret and (secret not in document or document[secret]):  # else there was none
            document[secret] = again(kept.nonce, document) if again is not None and kept.nonce else None
            if document[secret] is None:
                document["hint"] = "rotate" if again is not None else "repeat with another Idempotency-Key"
        return document


def _without(answer: Document, secret: str) -> Document:
    """Return an answer without its secret; of several the names stay, and an empty one stays as it is."""
    value = answer.get(secret)
    if not value:
        return answer
    rest = {name: each for name, each in answer.items() if name != secret}
    return rest | {secret: dict.fromkeys(value)} if isinstance(value, dict) else rest
