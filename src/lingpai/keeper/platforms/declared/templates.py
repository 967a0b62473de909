"""Values of a description with places in them, such as `{account}`, and what fills those."""

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from lingpai.keeper.platforms.declared.call_forms import Fields, Value
from lingpai.keeper.platforms.platform import Request

PLACE: Final = re.compile(r"\{([a-z0-9_.]*)\}")


def _plain(name: str) -> Callable[[str, str, int], str]:
    def digest(account: str, secret: str, now: int) -> str:
        return hashlib.new(name, f"{account}{now}{secret}".encode(), usedforsecurity=False).hexdigest()

    return digest


def _keyed(account: str, secret: str, now: int) -> str:
    return hmac.new(secret.encode(), f"{account}{now}".encode(), hashlib.sha256).hexdigest()


RECIPES: Final[Mapping[str, Callable[[str, str, int], str]]] = {
    "md5_account_now_secret": _plain("md5"),
    "sha1_account_now_secret": _plain("sha1"),
    "sha256_account_now_secret": _plain("sha256"),
    "hmac_sha256_account_now": _keyed,
}
"""Signatures of calls, as lower-case hex, of account, secret and unix time in seconds."""

STAMPS: Final = ("account", "secret", "now", "now_ms", "uuid", *(f"sign.{name}" for name in RECIPES))


def places_in(fields: Fields) -> Iterable[tuple[str, str]]:
    """Yield each field that has a place in it, and the place's name."""
    for field, value in fields.items():
        if isinstance(value, str):
            for place in PLACE.findall(value):
                yield field, place


def filled(fields: Fields, values: Callable[[str], str]) -> Request:
    """Return fields with their places filled."""
    return {name: _filled(value, values) for name, value in fields.items()}


def _filled(value: Value, values: Callable[[str], str]) -> Any:
    if not isinstance(value, str):
        return value
    return PLACE.sub(lambda found: values(found[1]), value)


def secret_of(secret: str, name: str) -> str:
    """Return one of several secrets, which an account has as a JSON object; "" when it lacks that."""
    try:
        document = json.loads(secret)
    except ValueError:
        return ""
    value = document.get(name, "") if isinstance(document, dict) else ""
    return value if isinstance(value, str) else ""


def credentials(account: str, secret: str, more: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """Return what fills the places of a call that is made with an account's secret."""

    def value(place: str) -> str:
        if place.startswith("secret."):
            return secret_of(secret, place.removeprefix("secret."))
        return {"account": account, "secret": secret, **(more or {})}.get(place, "")

    return value


def stamped(fields: Fields, account: str, secret: str, now: int) -> Request:
    """Return the fields that every call has."""

    def value(place: str) -> str:
        recipe = RECIPES.get(place.removeprefix("sign."))
        if recipe is not None:
            return recipe(account, secret, now)
        made = {"now": str(now), "now_ms": str(now * 1000), "uuid": str(uuid.uuid4())}
        return made.get(place) or credentials(account, secret)(place)

    return filled(fields, value)
