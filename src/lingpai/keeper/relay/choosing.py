"""Which environments receive a message, by the rules that operators set."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from lingpai.core.relays import Environment
from lingpai.keeper.relay.messages import Message

ALL = 100


class Chosen(NamedTuple):
    """Who receives a message: the environment whose answer counts, or None, and those that receive copies."""

    primary: Environment | None
    copies: tuple[Environment, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all of them."""
        first = () if self.primary is None else (self.primary.name,)
        return (*first, *(each.name for each in self.copies))


def choose(environments: Iterable[Environment], app: str, message: Message) -> Chosen:
    """Return who receives a message.

    Of several primary environments that match, the one with the fewest senders does, then one with types, then the
    first by name; the others receive nothing.
    """
    matching = [each for each in environments if each.app == app and each.url and receives(each, message)]
    primaries = sorted(
        (each for each in matching if each.primary),
        key=lambda each: (each.senders, not each.types, each.name),
    )
    copies = tuple(each for each in matching if not each.primary)
    return Chosen(primaries[0] if primaries else None, copies)


def receives(environment: Environment, message: Message) -> bool:
    """Return whether an environment's rules match a message."""
    if environment.senders < ALL and place_of(message.sender) >= environment.senders:
        return False
    return not environment.types or any(matches(each, message.path) for each in environment.types)


def place_of(sender: str) -> int:
    """Return a sender's place among 100: the same for each message, on every node."""
    return int.from_bytes(hashlib.blake2b(sender.encode(), digest_size=4).digest(), "big") % ALL


def matches(pattern: str, path: tuple[str, ...]) -> bool:
    """Return whether a pattern such as `event/CLICK/menu_*` matches type, event and key.

    Types and events in any case, as WeChat writes some in capitals; what a pattern leaves out matches anything.
    """
    for number, (wanted, found) in enumerate(zip(pattern.split("/", 2), path, strict=False)):
        own, theirs = (wanted, found) if number == 2 else (wanted.lower(), found.lower())  # noqa: PLR2004  the key
        if own.endswith("*") and theirs.startswith(own[:-1]):
            continue
        if own != theirs:
            return False
    return True
