"""Login codes of ours in the place of a platform's: what an environment gets that asked for it, good for an exchange.

A sealed text (AES-SIV, RFC 5297) that contains the platform's code, which no environment sees so.
"""

from typing import Final

import msgspec

from lingpai.core.clock import Clock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.core.sealed_texts import SealedTexts
from lingpai.keeper.app import App

PREFIX: Final = "lpx_"
LIFETIME: Final = 300
"""Seconds, as long as WeChat's own codes live."""
_PURPOSE: Final = "relayed code"


class _Content(msgspec.Struct, array_like=True):
    platform: str
    account: str
    code: str
    ends_at: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Content).decode


class RelayedCodes:
    """Makes and reads such codes.

    Args:
        ring: whose keys seal them.
        clock: the store's.
    """

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._texts = SealedTexts(ring, _PURPOSE, _PURPOSE.encode(), clock)
        self._clock = clock

    def made(self, platform: str, account: str, code: str) -> str:
        """Return a code of ours for a platform's code."""
        content = _Content(platform, account, code, int(self._clock.now()) + LIFETIME)
        return PREFIX + self._texts.seal(_encode(content))

    def read(self, app: App, code: str) -> str:
        """Return the platform's code; one that is none of ours as it is.

        Raises:
            LingpaiError: INVALID_PARAMETER for one of another account, and for one that has expired.
        """
        if not code.startswith(PREFIX):
            return code
        found = self._texts.open(code.removeprefix(PREFIX))
        try:
            content = None if found is None else _decode(found)
        except msgspec.MsgspecError:  # of another release
            content = None
        ours = content is not None and (content.platform, content.account) == (app.platform.name, app.account)
        if content is None or not ours or content.ends_at <= self._clock.now():
            raise LingpaiError(
                Kind.INVALID_PARAMETER,
                "The relayed code is of another account, or has expired.",
                parameter="code",
            )
        return content.code
