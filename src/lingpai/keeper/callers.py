"""Callers as operators set them: their fields, what is wrong with one, and their documents."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from lingpai.core.fields import Fields
from lingpai.core.flaws import Flaw
from lingpai.core.moments import moment
from lingpai.core.names import is_name
from lingpai.core.networks import is_network
from lingpai.core.records import EVERY_RIGHT, Caller, FormerKey
from lingpai.keeper.accounts import MAX_LABEL, hand_out_flaws
from lingpai.keeper.forwarding.paths import is_pattern
from lingpai.keeper.platforms.platform import Platform

if TYPE_CHECKING:
    from lingpai.keeper.keeper import Keeper

_ID: Final = re.compile(r"[A-Za-z0-9._@-]+")
"""An appid, a corpid and the like."""

FIELDS: Final = Fields(Caller, "environment", "apps", "rights", "networks", "forward", "hand_out")


def caller_flaws(platforms: Mapping[str, Platform], caller: Caller) -> list[Flaw]:
    """Return what is wrong with a caller."""
    return [*_flaws(platforms, caller), *_forwarding_flaws(caller)]


def _flaws(platforms: Mapping[str, Platform], caller: Caller) -> Iterator[Flaw]:
    if not is_name(caller.name) or len(caller.name) > MAX_LABEL:
        yield Flaw("name", f"{caller.name!r} is not a name: no blanks, no slash.")
    yield from apps_flaws(platforms, caller.apps)
    known = ", ".join(EVERY_RIGHT)
    for right in caller.rights:
        if right not in EVERY_RIGHT:
            yield Flaw("rights", f"There is no right {right}; known rights: {known}.")
    for network in caller.networks:
        if not is_network(network):
            yield Flaw("networks", f"{network!r} is not a network such as 10.0.0.0/8.")


def _forwarding_flaws(caller: Caller) -> Iterator[Flaw]:
    yield from hand_out_flaws(caller.hand_out)
    for pattern in caller.forward:
        if not is_pattern(pattern):
            yield Flaw("forward", f"{pattern!r} is not a pattern of paths such as /cgi-bin/message/*.")
    may_forward = "forward" in caller.rights
    if caller.forward and not may_forward:
        yield Flaw("forward", "Patterns of paths need the right forward.")
    if caller.hand_out == "phantom" and not may_forward:
        text = "Phantom tokens are good for forwarding alone, which needs the right forward."
        yield Flaw("hand_out", text)


def apps_flaws(platforms: Mapping[str, Platform], apps: Iterable[str]) -> Iterator[Flaw]:
    """Yield what is wrong with the accounts that a record is about."""
    for app in apps:
        if app != "*" and not _is_app(platforms, app):
            text = f"{app!r} is not an account: write *, platform/account or platform/account/label."
            yield Flaw("apps", text)


def _is_app(platforms: Mapping[str, Platform], text: str) -> bool:
    """Return whether a text names an account: platform/account or platform/account/label."""
    platform, *rest = text.split("/")
    if platform not in platforms or not 1 <= len(rest) <= 2:  # noqa: PLR2004
        return False
    return bool(_ID.fullmatch(rest[0])) and all(map(is_name, rest[1:]))


def caller_document(caller: Caller, former: Sequence[float] = ()) -> dict[str, Any]:
    """Return a caller as a JSON document; `former` are the ends of its replaced keys that are still valid."""
    return {
        "caller": caller.name,
        **FIELDS.shown(caller),
        "created_at": moment(caller.created_at),
        "revoked_at": moment(caller.revoked_at),
        "valid_keys": 0 if caller.revoked_at is not None else 1 + len(former),
        "former_keys_end_at": [*map(moment, former)],
    }


async def read_callers(keeper: "Keeper") -> tuple[tuple[Caller, ...], dict[str, tuple[float, ...]]]:
    """Return the callers, and the ends of their replaced keys that are still valid, by name."""
    former = await keeper.store.list_former_keys()
    return await keeper.store.list_callers(), ends_by_name(former)


def ends_by_name(former: Sequence[FormerKey]) -> dict[str, tuple[float, ...]]:
    """Return the ends of replaced keys by their caller's name."""
    names = {each.caller for each in former}
    return {name: tuple(each.ends_at for each in former if each.caller == name) for name in names}
