"""Languages as clients name them (BCP 47) and those that the pages have."""

import re

_ZH = re.compile(r"zh\b", re.IGNORECASE)
_EN = re.compile(r"en\b", re.IGNORECASE)


def language_of_locales(locales: str | None) -> str:
    """Return the first language of `ui_locales` that the pages have, or "" (OpenID Connect Core §3.1.2.1)."""
    for locale in (locales or "").split():
        if _ZH.match(locale):
            return "zh"
        if _EN.match(locale):
            return "en"
    return ""
