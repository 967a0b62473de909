"""A message as an environment receives it, and its answer as the platform does."""

import re
import secrets
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from lingpai.core.errors import LingpaiError
from lingpai.core.message_crypto import MessageCipher, MessageError, signature
from lingpai.core.message_fields import MessageFieldsError, read_fields, write_fields
from lingpai.core.relays import TEXT, Answered, Environment, Relay, RelayMessage
from lingpai.keeper.relay.messages import account_of, opened
from lingpai.keeper.relay.reaching import ReachError, UndeliverableError

SUCCESS: Final = Answered(200, TEXT, "success")
"""The answer by which a platform knows that a message was received, and is not to be answered."""
_SIGNING: Final = frozenset({"signature", "msg_signature", "timestamp", "nonce", "encrypt_type"})
_TYPE: Final = re.compile(r"[!-~][ -~]{0,255}")
_XML: Final = "text/xml; charset=utf-8"
_GOOD: Final = range(200, 300)


class Parcel(NamedTuple):
    """A request to an environment."""

    url: str
    body: bytes
    headers: dict[str, str]


def parcel(relay: Relay, environment: Environment, push: RelayMessage, now: float) -> Parcel:
    """Return a message as an environment receives it.

    As it came, so that the environment verifies it as if the platform had called; or signed by the environment's own
    token, and encrypted with its own key.

    Raises:
        UndeliverableError: the message cannot be decrypted any more.
    """
    query, body = push.query, push.body.encode()
    if environment.token:
        query, body = _signed_anew(relay, environment, push, now)
    joint = "&" if "?" in environment.url else "?"
    url = f"{environment.url}{joint}{query}" if query else environment.url
    return Parcel(url, body, {"content-type": push.content_type or _XML})


def _signed_anew(relay: Relay, environment: Environment, push: RelayMessage, now: float) -> tuple[str, bytes]:
    try:
        plain = opened(relay, push.body.encode())
    except LingpaiError as error:
        raise UndeliverableError("the message cannot be decrypted any more") from error
    stamp, nonce = str(int(now)), secrets.token_hex(8)
    rest = [pair for pair in parse_qsl(push.query, keep_blank_values=True) if pair[0] not in _SIGNING]
    pairs = [
        ("signature", signature(environment.token, stamp, nonce)),
        ("timestamp", stamp),
        ("nonce", nonce),
        *rest,
    ]
    if not environment.aes_key:
        return urlencode(pairs), plain
    text = MessageCipher(environment.aes_key).encrypt(plain, account_of(relay))
    own = signature(environment.token, stamp, nonce, text)
    pairs += [("encrypt_type", "aes"), ("msg_signature", own)]
    return urlencode(pairs), write_fields({"ToUserName": account_of(relay), "Encrypt": text})


def answer_for(relay: Relay, environment: Environment, answered: Answered, now: float) -> Answered:
    """Return an environment's answer as the platform takes it.

    Raises:
        ReachError: it is none.
    """
    if answered.status not in _GOOD:
        raise ReachError(f"it answers {answered.status}")
    body = answered.body
    if environment.token and body.strip() not in ("", SUCCESS.body):
        body = _of_platform(relay, environment, body, now)
    # What would break the head of our answer is none of a type (RFC 9110 §5.5): the platform gets the text without it.
    kind = answered.content_type if _TYPE.fullmatch(answered.content_type) else TEXT
    return Answered(200, kind, body)


def _of_platform(relay: Relay, environment: Environment, body: str, now: float) -> str:
    try:
        plain = body.encode()
        if environment.aes_key:
            text = read_fields(plain).get("Encrypt", "")
            plain = MessageCipher(environment.aes_key).decrypt(text).message
    except (MessageFieldsError, MessageError) as error:
        raise ReachError("its answer is not encrypted with its own key") from error
    if not relay.aes_key:
        return plain.decode(errors="replace")
    text = MessageCipher(relay.aes_key).encrypt(plain, account_of(relay))
    stamp, nonce = str(int(now)), secrets.token_hex(8)
    own = signature(relay.token, stamp, nonce, text)
    fields = {"Encrypt": text, "MsgSignature": own, "TimeStamp": stamp, "Nonce": nonce}
    return write_fields(fields).decode()
