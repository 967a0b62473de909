"""The pages' words, one catalogue per language (`words/*.toml`), and whose turn it is."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from lingpai.core.languages import preferred
from lingpai.core.wire import Call
from lingpai.issuer.cookies import cookie_of, host_only

DEFAULT = "en"
CATALOGUES: Mapping[str, Mapping[str, Any]] = {
    language: tomllib.loads((files(__package__) / "words" / f"{language}.toml").read_text("utf-8"))
    for language in ("zh", "en")
}
TAGS: Mapping[str, str] = {"zh": "zh-Hans", "en": "en"}
"""The values of `<html lang>` (BCP 47)."""


def language_cookie(*, secure: bool) -> str:
    """Return the name of the cookie with the chosen language."""
    return host_only("lingpai-lang", secure=secure)


def language_of(call: Call, wish: str = "", *, secure: bool = False) -> str:
    """Return the language of a request's reader.

    Args:
        call: its cookie has an earlier choice; otherwise `Accept-Language` is used (RFC 9110 §12.5.4).
        wish: the language of the switch; "" or an unknown one when it was not used.
        secure: whether browsers use https.

    Returns:
        A key of `CATALOGUES`.
    """
    for chosen in (wish, cookie_of(call, language_cookie(secure=secure))):
        if chosen and chosen in CATALOGUES:
            return chosen
    return preferred(call.header("accept-language"), CATALOGUES, DEFAULT)
