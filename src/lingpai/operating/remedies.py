"""Remedies for the platforms' refusals, in the user's language."""

from lingpai.keeper import remedies
from lingpai.messages.translating import speaks_chinese


def remedy(platform: str, code: int | None, message: str) -> str | None:
    """Return the remedy for an upstream's refusal; None when its message is enough. See `remedies.remedy`."""
    return remedies.remedy(platform, code, message, chinese=speaks_chinese())
