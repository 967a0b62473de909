"""Help that names what platforms and protocols declare."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from typer.core import TyperCommand

from lingpai.messages.translating import speaks_chinese


class _Words(NamedTuple):
    comma: str
    last: str
    both: str
    default: str
    colon: str
    semicolon: str


_ENGLISH = _Words(", ", " or ", " and ", " (the default)", ": ", "; ")
_CHINESE = _Words("、", " 或 ", " 和 ", "（默认）", "：", "；")


class DeclaredCommand(TyperCommand):
    """A command whose help has {platforms}, {modes}, {public_protocols} or the like in it; see `fill`.

    They are filled in when the help is shown: to load what declares them takes longer than everything else.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Fill in what is declared, and show the help."""
        for each in self.params:
            if getattr(each, "help", None):
                each.help = fill(each.help, chinese=speaks_chinese())  # type: ignore[attr-defined]  # options and arguments have one
        super().format_help(ctx, formatter)


def fill(text: str, *, chinese: bool) -> str:
    """Return a help text with what platforms and protocols declare."""
    if "{" not in text:
        return text
    from lingpai.keeper.platforms.registry import platform_types

    types, words = platform_types().values(), _CHINESE if chinese else _ENGLISH
    modes = {each.name: list(each.sample().modes) for each in types}
    values = {
        "platforms": _either(modes, words),
        "account_words": _either(dict.fromkeys(each.account_word for each in types), words),
        "modes": words.semicolon.join(
            f"{name}{words.colon}{_either([f'{first}{words.default}', *others], words)}"
            for name, (first, *others) in modes.items()
            if others
        ),
        "public_protocols": _every(public_protocols(), words),
        "id_token_protocols": _every(id_token_protocols(), words),
    }
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def public_protocols() -> list[str]:
    """Return the names of the protocols that have public clients."""
    from lingpai.issuer.dialects.registry import dialects

    return [each.name for each in dialects().values() if each.policy.public_clients]


def id_token_protocols() -> list[str]:
    """Return the names of the protocols that sign id_tokens."""
    from lingpai.issuer.dialects.registry import dialects

    return [each.name for each in dialects().values() if each.id_tokens]


def named(protocols: Iterable[str]) -> str:
    """Return names of protocols as the user's language lists them."""
    return _every(protocols, _CHINESE if speaks_chinese() else _ENGLISH)


def _either(each: Iterable[str], words: _Words) -> str:
    return _listed(each, words.comma, words.last)


def _every(each: Iterable[str], words: _Words) -> str:
    return _listed(each, words.comma, words.both)


def _listed(each: Iterable[str], comma: str, before_last: str) -> str:
    *others, last = each
    return f"{comma.join(others)}{before_last}{last}" if others else last
