"""Phantom tokens: what a caller gets in the place of the platform's token, good only for calls that we forward.

A phantom token is a sealed text (AES-SIV, RFC 5297) that names the caller's key, the account, and the generation that
it was handed out for. It is stored nowhere: the key is looked up at each use, so it dies with the key, and it contains
nothing of the platform's token. The same generation gives the same text, so clients that compare tokens see a new one
exactly when there is one.
"""

from typing import Final

import msgspec

from lingpai.core.clock import Clock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Generation
from lingpai.core.sealed_texts import SealedTexts
from lingpai.keeper.app import App

_PURPOSE: Final = "phantom token"
_SHORTEST: Final = 32
_LONGEST: Final = 1024


class Phantom(msgspec.Struct, frozen=True, array_like=True):
    """The content of a phantom token.

    Attributes:
        platform: name of the platform.
        account: the app's id there.
        label: which of its secrets.
        kind: of the credential.
        version: of the generation that it was handed out for.
        end: of that generation, unix time in whole seconds.
        key: digest of the caller key that got it.
    """

    platform: str
    account: str
    label: str
    kind: str
    version: int
    end: int
    key: bytes

    def __repr__(self) -> str:
        """Return a text without the digest."""
        return f"Phantom({self.platform}/{self.account}, version={self.version})"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Phantom).decode


class Phantoms:
    """Makes and reads phantom tokens.

    Args:
        ring: whose keys seal them.
        clock: the store's.
    """

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._texts = SealedTexts(ring, _PURPOSE, _PURPOSE.encode(), clock)

    def made_for(self, app: App, kind: str, generation: Generation) -> str:
        """Return what the caller that `app` was authorized for is handed out: a phantom token, or the value itself.

        Raises:
            LingpaiError: NOT_ALLOWED when the caller gets phantom tokens, and the platform's calls are not forwarded.
        """
        if not app.phantom_key:
            return generation.value
        if app.platform.forwarding is None:
            raise LingpaiError(
                Kind.NOT_ALLOWED,
                "This caller key gets phantom tokens only, and calls of this platform are not forwarded.",
            )
        content = Phantom(
            app.platform.name,
            app.account,
            app.label,
            kind,
            generation.version,
            int(generation.end.wall),
            app.phantom_key,
        )
        return self._texts.seal(_encode(content))

    def read(self, text: str) -> Phantom | None:
        """Return the content of a phantom token; None for anything else."""
        opened = self._texts.open(text) if _SHORTEST <= len(text) <= _LONGEST else None
        try:
            return None if opened is None else _decode(opened)
        except msgspec.MsgspecError:  # of another release
            return None
