"""What the sandbox knows of third-party platforms: tickets, codes, authorizations, and what is to be pushed."""

from typing import Any, Final

import msgspec

from lingpai.sandbox.state import Row

RIGHTS: Final = (1, 2, 3, 4, 7, 11, 15)
_KEPT: Final = 100


class Ticket(Row):
    """A ticket that was pushed, or is about to be."""

    component: str


class ComponentCode(Row):
    """A code of a third-party platform: for one visit of a merchant, or of a merchant that has confirmed."""

    component: str
    merchant: str = ""
    used: bool = False


class Authorization(Row):
    """A merchant's authorization of a third-party platform."""

    component: str
    merchant: str
    refresh_token: str
    since: float
    rights: tuple[int, ...] = RIGHTS
    options: dict[str, str] = msgspec.field(default_factory=dict)


class Pushing(msgspec.Struct):
    """Something to push, and what came of it.

    Attributes:
        component: id of the third-party platform.
        event: the ``InfoType``; ``ticket`` makes a new ticket first.
        members: what the push has besides.
        fault: how it is spoilt: ``key``, ``token``, ``receiver``, ``stale``; "" for not.
        status: of the answer; 0 before there is one.
        answer: the body, cut; or why there is none.
    """

    component: str
    event: str
    members: dict[str, str]
    fault: str = ""
    status: int = 0
    answer: str = ""

    @property
    def taken(self) -> bool:
        """Return whether it was answered as the platform demands."""
        return self.status == 200 and self.answer == "success"  # noqa: PLR2004


class Outbox:
    """What is to be pushed, and the last pushes that were made."""

    def __init__(self) -> None:
        self.waiting: list[Pushing] = []
        self.made: list[Pushing] = []

    def add(self, component: str, event: str, members: dict[str, str]) -> None:
        """Have something pushed."""
        self.waiting.append(Pushing(component, event, members))

    def note(self, push: Pushing) -> None:
        """Keep what came of a push."""
        self.made = [*self.made[-_KEPT + 1 :], push]

    def report(self) -> list[dict[str, Any]]:
        """Return the last pushes, oldest first, without what they brought."""
        return [
            {"component": each.component, "event": each.event, "status": each.status, "answer": each.answer}
            for each in self.made
        ]
