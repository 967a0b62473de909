"""What a human has to do about the platforms' refusals, which their files declare."""

import re

from lingpai.cli.messages import speaks_chinese, tr
from lingpai.keeper.platforms.registry import platform_types

UNREACHABLE = (
    "Look at this machine's network, DNS and proxies, and at the platform's base_url in the settings; "
    "`lingpai doctor` tries it."
)
BUDGET = "Our own budget is used up, which protects the platform's quota. `lingpai token list` shows what it went to."

_IP4 = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
_IP6 = re.compile(r"(?<![0-9a-fA-F:])((?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})(?![0-9a-fA-F:])")


def missing_address(platform: str) -> str:
    """What to do about a platform that the settings have no address of, in the user's language."""
    return tr(
        "Set {name}.base_url in lingpai.toml, or {variable} in the environment.",
        name=platform,
        variable=f"LINGPAI_{platform.upper()}__BASE_URL",
    )


def remedy(platform: str, code: int | None, message: str) -> str | None:
    """What to do about an upstream's refusal, in the user's language; None when its message says all there is.

    Args:
        platform: whose refusal.
        code: its error number, or None when it could not be asked or our budget was used up.
        message: its text, in which it names the address it refuses.
    """
    if code is None and "base_url" in message:
        return missing_address(platform)
    if code is None:
        return tr(BUDGET if "budget" in message else UNREACHABLE)
    declared = platform_types().get(platform)
    text = None if declared is None else declared.remedies.get(code)
    if text is None:
        return None
    return (text.chinese if speaks_chinese() else text.english).format(address=address_in(message))


def address_in(message: str) -> str:
    """The IP address that a refusal names; "of this machine" when it names none."""
    found = _IP4.search(message) or _IP6.search(message)
    return found[1] if found else tr("of this machine")
