"""One callback domain for many environments: what a platform pushes there, and who receives it."""

from typing import Final

import msgspec

TEXT: Final = "text/plain; charset=utf-8"


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """With what a platform signs and encrypts the messages of one account.

    Attributes:
        app: the account's name: `platform/account[/label]`.
        token: signs each push.
        aes_key: the EncodingAESKey that encrypts them, or "" when they come in clear.
        former_aes_key: the one before, which decrypts too, or "".
        created_at: unix time.
        revision: grows with each change of the row.
    """

    app: str
    token: str = ""
    aes_key: str = ""
    former_aes_key: str = ""
    created_at: float = 0.0
    revision: int = 0

    def __repr__(self) -> str:
        """Return a text without the secrets."""
        return f"Relay({self.app})"


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that shares the callback domain of an account with others.

    Attributes:
        name: unique.
        app: the account's name: `platform/account[/label]`.
        redirect_uris: where its logins may go back to, each exactly.
        url: where it receives messages, or "".
        primary: whether its answer is the answer to the platform; the others receive copies.
        types: which messages it receives: `text`, `event/CLICK`, `event/CLICK/menu_*`; () for all.
        senders: percent of the senders whose messages it receives.
        token: signs what it receives, in the place of the platform's; "" to pass on what came.
        aes_key: encrypts what it receives, in the place of the platform's; "" for none.
        failures: attempts in a row in which it was not reached.
        next_at: unix time before which no copy is posted.
        problem: why the last attempt failed.
        created_at: unix time.
        revision: grows with each change of the row.
    """

    name: str
    app: str
    redirect_uris: tuple[str, ...] = ()
    url: str = ""
    primary: bool = False
    types: tuple[str, ...] = ()
    senders: int = 100
    token: str = ""
    aes_key: str = ""
    failures: int = 0
    next_at: float = 0.0
    problem: str = ""
    created_at: float = 0.0
    revision: int = 0

    def __repr__(self) -> str:
        """Return a text without the secrets."""
        return f"Environment({self.name})"


class Answered(msgspec.Struct, frozen=True):
    """An environment's answer to a message."""

    status: int = 200
    content_type: str = TEXT
    body: str = ""

    def __repr__(self) -> str:
        """Return a text without the body."""
        return f"Answered({self.status})"


class RelayMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a platform pushed it.

    Attributes:
        app: the account's name.
        digest: of the account and of what repeats of the message have in common.
        query: as it came, undecoded.
        content_type: of the body.
        body: as it came.
        answer: what the platform was answered, or None until then.
    """

    app: str
    digest: bytes
    query: str = ""
    content_type: str = ""
    body: str = ""
    answer: Answered | None = None

    def __repr__(self) -> str:
        """Return a text without the body and the signature."""
        return f"RelayMessage({self.app})"


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A message that an environment is still to receive.

    Attributes:
        id: of the copy.
        environment: name.
        attempts: that it has refused.
        push: the message.
    """

    id: int
    environment: str
    attempts: int
    push: RelayMessage


class Waiting(msgspec.Struct, frozen=True):
    """The copies that wait for an environment: how many, and from when on the first is due (unix seconds)."""

    count: int
    due_at: float
