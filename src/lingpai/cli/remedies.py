"""Remedies for the platforms' refusals, which the platforms' modules declare."""

import re

from lingpai.cli.messages import speaks_chinese, tr, tr_reason
from lingpai.keeper.accounts import missing_address
from lingpai.keeper.platforms.registry import platform_types

UNREACHABLE = "Check this machine's network, DNS and proxies, and the platform's base_url in the settings."
BUDGET = (
    "Lingpai's own call budget is used up; it protects the platform's quota. `lingpai "
    "token list` shows the use."
)

_IP4 = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
_IP6 = re.compile(r"(?<![0-9a-fA-F:])((?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})(?![0-9a-fA-F:])")


def remedy(platform: str, code: int | None, message: str) -> str | None:
    """Return the remedy for an upstream's refusal, in the user's language; None when its message is enough.

    Args:
        platform: the platform that refused.
        code: its error number, or None when it was not reached or the budget was used up.
        message: its text, which may name the refused address.
    """
    if code is None and "base_url" in message:
        return tr_reason(missing_address(platform))
    if code is None:
        return tr(BUDGET if "budget" in message else UNREACHABLE)
    declared = platform_types().get(platform)
    text = None if declared is None else declared.remedies.get(code)
    if text is None:
        return None
    return (text.chinese if speaks_chinese() else text.english).format(address=address_in(message))


def address_in(message: str) -> str:
    """Return the IP address that a refusal names; "of this machine" when it names none."""
    return _address(message) or tr("of this machine")


def named_address(platform: str, code: int | None, message: str) -> str:
    """Return the IP address that a refusal names whose remedy is about addresses; "" for any other refusal."""
    declared = platform_types().get(platform)
    text = None if declared is None or code is None else declared.remedies.get(code)
    return _address(message) if text is not None and "{address}" in text.english else ""


def _address(message: str) -> str:
    found = _IP4.search(message) or _IP6.search(message)
    return found[1] if found else ""
