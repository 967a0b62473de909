"""Webhooks as operators set them, and how what is posted is signed (Standard Webhooks)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from lingpai.core.events import DEAD, LOW, RENEWED, TROUBLE, WELL, Event
from lingpai.core.fields import Fields
from lingpai.core.flaws import Flaw
from lingpai.core.hooks import Hook
from lingpai.core.moments import moment
from lingpai.core.names import is_name
from lingpai.keeper.access import covers
from lingpai.keeper.accounts import MAX_LABEL
from lingpai.keeper.callers import apps_flaws
from lingpai.keeper.events import type_of
from lingpai.keeper.platforms.platform import Platform

FIELDS: Final = Fields(Hook, "url", "apps", "types")
TYPES: Final = (
    *(f"{sort}.{what}" for sort in ("token", "ticket") for what in (RENEWED, DEAD)),
    *(TROUBLE, WELL, LOW),
)
PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
MOST_URL: Final = 2048


def new_secret(made: bytes | None = None) -> str:
    """Return a secret of these bytes, or a new one."""
    return PREFIX + base64.b64encode(made or secrets.token_bytes(SECRET_BYTES)).decode()


def hook_flaws(platforms: Mapping[str, Platform], hook: Hook) -> list[Flaw]:
    """Return what is wrong with a webhook."""
    return list(_flaws(platforms, hook))


def _flaws(platforms: Mapping[str, Platform], hook: Hook) -> Iterator[Flaw]:
    if not is_name(hook.name) or len(hook.name) > MAX_LABEL:
        yield Flaw("name", f"{hook.name!r} is not a name: no blanks, no slash.")
    if not _is_address(hook.url):
        yield Flaw("url", "The address must be an http or https address without user and fragment.")
    yield from apps_flaws(platforms, hook.apps)
    known = ", ".join(TYPES)
    for each in hook.types:
        if each not in TYPES:
            yield Flaw("types", f"There is no type {each}; known types: {known}.")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MOST_URL
    named = parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0
    return plain and named and "@" not in parts.netloc and "#" not in url


def hook_document(hook: Hook, newest: int) -> dict[str, Any]:
    """Return a webhook as a JSON document; `newest` is the id of the newest event."""
    return {
        "hook": hook.name,
        **FIELDS.shown(hook),
        "state": hook.state,
        "behind": max(0, newest - hook.position),
        "failures": hook.failures,
        "problem": hook.problem,
        "next_attempt_at": moment(hook.next_at) if hook.failures and hook.next_at else None,
        "former_secret_ends_at": moment(hook.former_ends_at) if hook.former_secret else None,
        "created_at": moment(hook.created_at),
    }


def receives(hook: Hook, platform: Platform | None, event: Event) -> bool:
    """Return whether a webhook receives an event."""
    return covers(hook.apps, event.app) and (not hook.types or type_of(platform, event) in hook.types)


def refusal_of(status: int) -> str:
    """Return why a webhook that answers with this status has not taken an event; "" when it has."""
    return "" if 200 <= status < 300 else f"it answers {status}"  # noqa: PLR2004


def signed(hook: Hook, number: str, now: float, body: bytes) -> dict[str, str]:
    """Return the headers of what is posted: `number` names it, the same in each attempt."""
    at = str(int(now))
    content = b"%b.%b.%b" % (number.encode(), at.encode(), body)
    used = [hook.secret]
    if hook.former_secret and now < hook.former_ends_at:
        used.append(hook.former_secret)
    signatures = " ".join(f"v1,{_signature(secret, content)}" for secret in used)
    return {
        "content-type": "application/json",
        "webhook-id": number,
        "webhook-timestamp": at,
        "webhook-signature": signatures,
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def rotated(hook: Hook, secret: str, ends_at: float) -> Hook:
    """Return a webhook with another secret; the one before signs too until then (unix seconds)."""
    return msgspec.structs.replace(hook, secret=secret, former_secret=hook.secret, former_ends_at=ends_at)
