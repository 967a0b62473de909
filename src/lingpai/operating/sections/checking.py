"""Check users and terminals before they are stored."""

from collections.abc import Callable

from lingpai.core.errors import LingpaiError
from lingpai.issuer.checks import check_label, check_login, check_password, check_password_hash
from lingpai.messages.translating import tr, tr_reason


def login_problems(login: str) -> list[str]:
    """Return the problems of a login name."""
    found = _refusal(check_login, login)
    return [tr("{text} is not a login name.", text=repr(login)), *found] if found else []


def password_problems(password: str, least: int = 0) -> list[str]:
    """Return the problems of a password that needs `least` characters."""
    return _refusal(check_password, password, least)


def hash_problems(password_hash: str) -> list[str]:
    """Return the problems of a hash that another system made of a password."""
    return _refusal(check_password_hash, password_hash)


def terminal_problems(code: str) -> list[str]:
    """Return the problems of a terminal's code."""
    if _refusal(check_label, code, "machine_code"):
        return [tr("{text} is not a terminal's code: no blanks, no slash.", text=repr(code))]
    return []


def _refusal(check: Callable[..., object], *given: object) -> list[str]:
    """Return the error of an issuer's check, in the user's language; nothing when it passes."""
    try:
        check(*given)
    except LingpaiError as error:
        return [tr_reason(error.reason)]
    return []
