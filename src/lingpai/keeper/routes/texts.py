"""Texts about platforms in the reference of routes, from what the platforms' files declare."""

from collections.abc import Iterable, Sequence

from lingpai.keeper.platforms.platform import ACCESS_TOKEN, TERMINAL, Platform
from lingpai.keeper.platforms.registry import platform_types


def either(words: Iterable[str]) -> str:
    """Return words as a choice: "a, b or c"."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _of_each(platforms: Sequence[Platform], words: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"{either(each)} of {platform.name}" for platform, each in zip(platforms, words, strict=True) if each
    ]


def _terminal_fields(platform: Platform) -> list[str]:
    fields = {each.terminal for each in platform.exchanges.values() if each.terminal}
    return [f"{TERMINAL}<{field}>" for field in sorted(fields)]


_PLATFORMS = [each.sample() for each in platform_types().values()]
PLATFORMS = either(each.name for each in _PLATFORMS)
TOKEN_KINDS = "; ".join(
    [
        ACCESS_TOKEN,
        *_of_each(_PLATFORMS, [[*each.tokens, *each.tickets] for each in _PLATFORMS]),
        *_of_each(_PLATFORMS, [_terminal_fields(each) for each in _PLATFORMS]),
    ]
)
SIGNATURE_KINDS = "; ".join(_of_each(_PLATFORMS, [list(each.sign_kinds) for each in _PLATFORMS]))
EXCHANGE_KINDS = "; ".join(_of_each(_PLATFORMS, [list(each.exchanges) for each in _PLATFORMS]))
