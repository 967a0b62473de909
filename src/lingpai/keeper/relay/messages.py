"""What platforms push: whether it is theirs, what it says, and by what repeats of one message are known.

WeChat and WeCom sign each push by a token that the operator chose, and repeat it up to three times when they get no
answer within five seconds. Repeats have the same `MsgId`, or the same sender, time and event.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.message_crypto import MessageError, decrypt_for, is_signed, is_timely
from lingpai.core.message_fields import MessageFieldsError, read_fields
from lingpai.core.relays import Relay

_ENCRYPTED: Final = "Encrypt"


class Signed(msgspec.Struct, frozen=True):
    """The parameters by which a push is known to be the platform's; those that it has not are ""."""

    signature: str = ""
    msg_signature: str = ""
    timestamp: str = ""
    nonce: str = ""
    echostr: str = ""


class Message(NamedTuple):
    """A message: its fields by name, and as it is when it is not encrypted any more."""

    fields: Mapping[str, str]
    plain: bytes

    @property
    def sender(self) -> str:
        """Return who sent it, or ""."""
        return self.fields.get("FromUserName", "")

    @property
    def path(self) -> tuple[str, str, str]:
        """Return its type, event and the event's key."""
        return (
            self.fields.get("MsgType", ""),
            self.fields.get("Event", ""),
            self.fields.get("EventKey", ""),
        )

    @property
    def identity(self) -> tuple[str, ...]:
        """Return what its repeats have in common, and no other message has."""
        names = (
            "ToUserName",
            "FromUserName",
            "AgentID",
            "MsgId",
            "CreateTime",
            "MsgType",
            "Event",
            "EventKey",
        )
        known = tuple(self.fields.get(name, "") for name in names)
        if self.fields.get("MsgId") or (self.sender and self.fields.get("CreateTime")):
            return known
        return (*known, self.plain.hex())


def account_of(relay: Relay) -> str:
    """Return the id of the account that a relay is of."""
    return relay.app.split("/")[1]


def echo(relay: Relay, given: Signed, now: float) -> bytes:
    """Return what answers the platform's check of the address.

    Raises:
        LingpaiError: NOT_ALLOWED.
    """
    _demand_time(given, now)
    if relay.aes_key and given.msg_signature:
        _demand_signed(given.msg_signature, relay.token, given.timestamp, given.nonce, given.echostr)
        return _decrypted(relay, given.echostr)
    _demand_signed(given.signature, relay.token, given.timestamp, given.nonce)
    return given.echostr.encode()


def read_message(relay: Relay, given: Signed, body: bytes, now: float) -> Message:
    """Return what was pushed.

    Args:
        relay: of the account.
        given: the parameters of the push.
        body: as it came.
        now: unix seconds.

    Raises:
        LingpaiError: NOT_ALLOWED when it is not the platform's; MALFORMED_BODY.
    """
    _demand_time(given, now)
    if (
        not relay.aes_key
    ):  # the signature does not depend on the body, so what is not the platform's is not parsed
        _demand_signed(given.signature, relay.token, given.timestamp, given.nonce)
        message = Message(_fields_of(body), body)
        if _ENCRYPTED in message.fields:
            raise LingpaiError(
                Kind.NOT_ALLOWED, "The message is encrypted, and no EncodingAESKey is set for it."
            )
        return message
    text = _fields_of(body).get(_ENCRYPTED, "")
    _demand_signed(given.msg_signature, relay.token, given.timestamp, given.nonce, text)
    plain = _decrypted(relay, text)
    return Message(_fields_of(plain), plain)


def opened(relay: Relay, body: bytes) -> bytes:
    """Return a message that was read before, decrypted where it is encrypted.

    Raises:
        LingpaiError: NOT_ALLOWED, MALFORMED_BODY.
    """
    text = _fields_of(body).get(_ENCRYPTED) if relay.aes_key else None
    return body if text is None else _decrypted(relay, text)


def _demand_time(given: Signed, now: float) -> None:
    if not is_timely(given.timestamp, now):
        raise LingpaiError(
            Kind.NOT_ALLOWED, "The time of the push is missing, or off by more than 10 minutes."
        )


def _demand_signed(given: str, *parts: str) -> None:
    if not is_signed(given, *parts):
        raise LingpaiError(Kind.NOT_ALLOWED, "The signature is not the platform's for this token.")


def _decrypted(relay: Relay, text: str) -> bytes:
    try:
        return decrypt_for((account_of(relay),), (relay.aes_key, relay.former_aes_key), text)
    except MessageError as error:
        raise LingpaiError(
            Kind.NOT_ALLOWED, "The message is not encrypted with this EncodingAESKey for this account."
        ) from error


def _fields_of(body: bytes) -> Mapping[str, str]:
    try:
        body.decode()  # XML may be UTF-16; platforms send UTF-8, in which messages are kept
        return read_fields(body)
    except (MessageFieldsError, UnicodeDecodeError) as error:
        raise LingpaiError(Kind.MALFORMED_BODY, "The body is not a message of the platform.") from error
