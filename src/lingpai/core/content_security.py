"""Content Security Policy (CSP Level 3): nothing is loaded, run, sent or framed but what a page names."""

from collections.abc import Mapping
from typing import Final

_NOTHING: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
OWN: Final = "'self'"
"""The page's own origin."""
ICONS: Final = {"img-src": OWN}
"""Lets browsers load the icon (CSP Level 3 §6.1.8 counts icons as images)."""


def content_policy(rules: Mapping[str, str]) -> str:
    """Return a policy.

    Args:
        rules: directives and their sources, in place of those that permit nothing; an empty source leaves a directive
            out.
    """
    wanted = {**_NOTHING, **rules}
    return "; ".join(f"{name} {sources}" for name, sources in wanted.items() if sources)
