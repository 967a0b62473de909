"""Style sheets and scripts, put together from `styles/` and `scripts/`, and the policies that permit them."""

import base64
import functools
import hashlib
from importlib.resources import files

from lingpai.core.content_security import ICONS, content_policy

_TOKENS, _ELEMENTS = "tokens", "elements"


@functools.cache
def style(*parts: str) -> str:
    """Return a style sheet: the tokens and elements of every page, and the given parts after them.

    Args:
        parts: names of files in `styles/`, without their ending.
    """
    folder = files(__package__) / "styles"
    return "".join((folder / f"{part}.css").read_text("utf-8") for part in (_TOKENS, _ELEMENTS, *parts))


@functools.cache
def script() -> str:
    """Return the script of pages that copy commands or filter entries."""
    return (files(__package__) / "scripts" / "page.js").read_text("utf-8")


@functools.cache
def policy(style_text: str, script_text: str = "", *, leads_away: bool = False) -> str:
    """Return a `Content-Security-Policy` for a page with one inline style sheet, and maybe one inline script.

    Nothing else runs or is loaded, except the icon of the same origin. A form may be sent only when it `leads_away`:
    browsers apply `form-action` to every redirect after a form (CSP Level 3 §6.4.2), so that the rule is left out.
    """
    rules = {**ICONS, "style-src": _source(style_text), **({"form-action": ""} if leads_away else {})}
    if script_text:
        rules["script-src"] = _source(script_text)
    return content_policy(rules)


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
