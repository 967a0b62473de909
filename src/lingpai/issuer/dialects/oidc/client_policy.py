"""How clients come into a realm that no operator added."""

from typing import Final, Literal, NamedTuple

RegistrationMode = Literal["closed", "token", "open"]
DocumentMode = Literal["off", "hosts", "any"]


class ClientPolicy(NamedTuple):
    """What a realm allows clients that describe themselves.

    Attributes:
        registration: who may register: nobody, who has an initial access token, or anybody (RFC 7591).
        documents: which client ids may be addresses of documents: none, those of some hosts, or any.
        hosts: these hosts; `*.` before one means any host below it.
    """

    registration: RegistrationMode = "closed"
    documents: DocumentMode = "off"
    hosts: tuple[str, ...] = ()


CLOSED: Final = ClientPolicy()
"""Operators add every client."""
