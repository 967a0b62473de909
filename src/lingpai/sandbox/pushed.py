"""What the sandbox knows of third-party platforms: tickets, codes, authorizations, and what is to be pushed."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from lingpai.sandbox.options import ThirdParty, WecomSuite
from lingpai.sandbox.state import Row

RIGHTS: Final = (1, 2, 3, 4, 7, 11, 15)
_KEPT: Final = 100
OK: Final = 200
SUCCESS: Final = "success"
"""What a platform demands as answer to a push."""


class Ticket(Row):
    """A ticket that was pushed, or is about to be."""

    component: str


class ComponentCode(Row):
    """A code of a third-party platform: for one visit of a merchant, or of a merchant that has confirmed.

    ``auth_type`` is what ``set_session_info`` of WeCom said about the visit.
    """

    component: str
    merchant: str = ""
    used: bool = False
    auth_type: int = 0


class Authorization(Row):
    """A merchant's authorization of a third-party platform.

    Of a WeCom corp there are no refresh token and rights, but a ``permanent_code``, the app's ``agentid`` there, and
    the ``auth_type`` of the visit.
    """

    component: str
    merchant: str
    since: float
    refresh_token: str = ""
    rights: tuple[int, ...] = RIGHTS
    options: dict[str, str] = msgspec.field(default_factory=dict)
    permanent_code: str = ""
    agentid: int = 0
    auth_type: int = 0


class Form(NamedTuple):
    """The names of the fields of a platform's pushes.

    Attributes:
        receiver: around what is encrypted, who it is for.
        id: of the third-party platform.
        time: unix time in seconds.
        ticket: the event that brings a ticket.
        ticket_field: has the ticket.
        query: further parameters of the address.
    """

    receiver: str
    id: str
    time: str
    ticket: str
    ticket_field: str
    query: Mapping[str, str]


WECHAT_FORM: Final = Form(
    "AppId",
    "AppId",
    "CreateTime",
    "component_verify_ticket",
    "ComponentVerifyTicket",
    {"encrypt_type": "aes"},
)
WECOM_FORM: Final = Form("ToUserName", "SuiteId", "TimeStamp", "suite_ticket", "SuiteTicket", {})


def form_of(third: ThirdParty) -> Form:
    """Return the form of the pushes to a third-party platform."""
    return WECOM_FORM if isinstance(third, WecomSuite) else WECHAT_FORM


class Pushing(msgspec.Struct):
    """Something to push, and what came of it.

    Attributes:
        component: id of the third-party platform.
        event: the ``InfoType``; ``ticket`` makes a new ticket first, ``echostr`` asks whether the callback is right.
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
        return self.status == OK and self.answer == SUCCESS


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
