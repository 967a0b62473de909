"""The distance of two clocks that is allowed, and the words for it."""

from typing import Final

from lingpai.messages.spans import span
from lingpai.messages.translating import tr

SKEW_WARN: Final = 5.0
SKEW_FAIL: Final = 60.0
"""Seconds: a token's end is known to us from its lifetime, but page signatures carry the wall time, and so do
the stored ends that survive a boot.
"""


def behind_or_ahead(ahead: float) -> str:
    """Say how far this machine's clock is ahead of another one.

    Args:
        ahead: seconds, negative when it is behind.
    """
    text = (
        "This machine's clock is {span} ahead of it."
        if ahead > 0
        else "This machine's clock is {span} behind it."
    )
    return tr(text, span=span(abs(ahead)))
