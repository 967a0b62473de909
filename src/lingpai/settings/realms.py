"""Find settings of realms that fit their types but cannot be served."""

import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from lingpai.issuer.policy import DAY, Policy
from lingpai.issuer.realms import Realm

LONGEST: Final = 10 * 365 * DAY
"""Far beyond what anybody means, and far below what clients and stores can count."""
MAY_BE_ZERO: Final = ("refresh", "family", "replay_window", "replay_grace", "secret_overlap")
"""Settings that accept 0, which means: no refresh tokens, no end, no second use, no grace, no overlap."""
TAKEN: Final = frozenset(
    (
        *(
            "AccessToken",
            "JsSDK",
            "authorize",
            "callback",
            "relay",
            "Xcx",
            "cgi-bin",
            "docs",
            "health",
            "index",
            "keeper",
            "metrics",
            "openapi.json",
        ),
        *("sns", "user", "v1", "xcx"),
    )
)
"""First segments of paths that are not a realm's, or are all realms' pages."""
COUNTS: Final = {"least_password": 64}
"""Numbers that are no durations, and the largest that each may be; 1 is the smallest."""
DURATIONS: Final = tuple(
    name
    for name, kind in typing.get_type_hints(Policy).items()
    if kind in (int, int | None) and name not in COUNTS
)
FIXED: Final = frozenset({"public_clients", "shared_open_ids"})
"""Switches that follow from the parameters of a dialect."""
SWITCHES: Final = tuple(
    name for name, kind in typing.get_type_hints(Policy).items() if kind is bool and name not in FIXED
)


def realm_problems(realms: Sequence[Realm], served: Sequence[Realm]) -> list[str]:
    """Return the problems of the realms, one line each.

    Args:
        realms: all of them.
        served: those that are switched on.
    """
    policies = [problem for realm in realms for problem in _policy_problems(realm)]
    return [*policies, *_odd_prefixes(realms), *_same_paths(served)]


def _policy_problems(realm: Realm) -> Iterator[str]:
    section = f"realms.{realm.name}.policy"
    unknown = [name for name in realm.numbers if name not in Policy.__struct_fields__ or name in FIXED]
    if unknown:
        known = ", ".join((*DURATIONS, *COUNTS, *SWITCHES))
        yield from (f"{section}.{name}: there is no such setting; known are {known}" for name in unknown)
        return
    outside = list(_out_of_bounds(realm.numbers))
    yield from (f"{section}.{problem}" for problem in outside)
    if outside:
        return
    try:
        realm.policy()
    except msgspec.ValidationError as error:
        yield f"{section}: {error}"


def _out_of_bounds(numbers: Mapping[str, int | None]) -> Iterator[str]:
    for name, number in numbers.items():
        if name in SWITCHES and number not in (0, 1):
            yield f"{name}: must be 0 or 1"
        if name in COUNTS and (number is None or not 1 <= number <= COUNTS[name]):
            yield f"{name}: must be from 1 to {COUNTS[name]}"
        least = 0 if name in MAY_BE_ZERO else 1
        if name in DURATIONS and number is not None and not least <= number <= LONGEST:
            yield f"{name}: must be from {least} to {LONGEST} seconds"


def _odd_prefixes(realms: Sequence[Realm]) -> Iterator[str]:
    for realm in realms:
        section, (_, *segments) = f"realms.{realm.name}.prefix", realm.prefix.split("/")
        if {".", ".."} & set(segments):
            yield f"{section}: clients drop the segments . and .. from addresses; leave them out"
        elif segments and segments[0] in TAKEN:
            yield f'{section}: /{segments[0]} has other routes of the service; give it another, such as "/{realm.name}"'


def _same_paths(served: Sequence[Realm]) -> Iterator[str]:
    first: dict[tuple[str, str], str] = {}
    for realm in served:
        other = first.setdefault((realm.dialect, realm.prefix), realm.name)
        if other != realm.name:
            yield (
                f"realms.{realm.name}.prefix: realms.{other} has the same protocol and the same "
                f'prefix; set another prefix, such as "/{realm.name}", or switch one of them '
                "off (enabled = false)"
            )
