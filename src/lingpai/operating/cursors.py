"""Where the next page of a list begins, as a text that says nothing and that nobody can make up."""

import base64
import binascii
from typing import Final

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.core.seals import Digester

_MARK_BYTES: Final = 8


class Cursors:
    """Writes and reads the `next` of pages.

    Args:
        ring: keys the mark in each of them.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._digest = Digester(ring, "pages")

    def write(self, which: str, place: str) -> str:
        """Return the cursor of a place in a list, which this names with all that it was filtered by; "" for its end."""
        if not place:
            return ""
        content = self._mark(which, place) + place.encode()
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    def read(self, which: str, cursor: str) -> str:
        """Return the place of a cursor; "" for the beginning of the list.

        Raises:
            LingpaiError: INVALID_PARAMETER: it is none, or of another list.
        """
        if not cursor:
            return ""
        try:
            content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            place = content[_MARK_BYTES:].decode()
        except (binascii.Error, ValueError):
            raise _no_cursor() from None
        if not place or content[:_MARK_BYTES] != self._mark(which, place):
            raise _no_cursor()
        return place

    def _mark(self, which: str, place: str) -> bytes:
        return self._digest(f"{which} {place}")[:_MARK_BYTES]


def _no_cursor() -> LingpaiError:
    return LingpaiError(Kind.INVALID_PARAMETER, "This is not the next page of this list.", parameter="after")
