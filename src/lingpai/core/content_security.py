"""Content Security Policy: the rules that every answer with HTML has, and the one addition for icons."""

from typing import Final

NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""A policy under which nothing is loaded, run, sent or framed."""
ICONS: Final = "img-src 'self'"
"""The part of a policy that lets browsers load the icon (CSP Level 3 §6.1.8 counts icons as images)."""
