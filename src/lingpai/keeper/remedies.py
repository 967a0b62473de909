"""Remedies for a platform's refusal, for operators; the platforms' modules declare most of them."""

import re
from typing import Final

from lingpai.core.languages import chinese_reasons
from lingpai.keeper.accounts import missing_address
from lingpai.keeper.platforms.registry import platform_types

UNREACHABLE: Final = (
    "Check this machine's network, DNS and proxies, and the platform's base_url in the settings."
)
BUDGET: Final = (
    "Lingpai's own call budget is used up; it protects the platform's quota. "
    "`lingpai token list` shows the use."
)
HERE: Final = "of this machine"

_IP4: Final = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
_IP6: Final = re.compile(r"(?<![0-9a-fA-F:])((?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})(?![0-9a-fA-F:])")


def remedy(platform: str, code: int | None, message: str, *, chinese: bool = False) -> str | None:
    """Return the remedy for an upstream's refusal; None when its message is enough.

    Args:
        platform: the platform that refused.
        code: its error number, or None when it was not reached or the budget was used up.
        message: its text, which may name the refused address.
        chinese: whether it is to be in Chinese.
    """
    if code is None:
        text = BUDGET if "budget" in message else UNREACHABLE
        if "base_url" in message:
            text = missing_address(platform)
        return chinese_reasons().translate(text) if chinese else text
    declared = platform_types().get(platform)
    known = None if declared is None else declared.remedies.get(code)
    if known is None:
        return None
    return (known.chinese if chinese else known.english).format(address=address_in(message, chinese=chinese))


def address_in(message: str, *, chinese: bool = False) -> str:
    """Return the IP address that a refusal names; "of this machine" when it names none."""
    return _address(message) or (chinese_reasons().translate(HERE) if chinese else HERE)


def named_address(platform: str, code: int | None, message: str) -> str:
    """Return the IP address that a refusal names whose remedy is about addresses; "" for any other refusal."""
    declared = platform_types().get(platform)
    text = None if declared is None or code is None else declared.remedies.get(code)
    return _address(message) if text is not None and "{address}" in text.english else ""


def _address(message: str) -> str:
    found = _IP4.search(message) or _IP6.search(message)
    return found[1] if found else ""
