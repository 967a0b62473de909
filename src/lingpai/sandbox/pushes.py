"""Messages that the imitated platforms push to a service, as WeChat and WeCom do: signed, maybe encrypted, repeated."""

import asyncio
import secrets
from collections import deque
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec

from lingpai.core.message_crypto import KEY_FORM, MessageCipher, signature
from lingpai.core.message_fields import write_fields
from lingpai.core.wire import Reply
from lingpai.sandbox.control import Control, body_of, send, wrong
from lingpai.sandbox.world import Call, World

ATTEMPTS: Final = 3
"""How often a platform pushes a message that is not answered."""
PATIENCE: Final = 5.0
"""Seconds that it waits for an answer."""
_KEPT: Final = 1000
_WEB: Final = ("http://", "https://")


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """A message to be pushed.

    Attributes:
        account: who it is sent to.
        url: of the service, as it was entered at the platform.
        token: signs it.
        aes_key: the EncodingAESKey that encrypts it; "" for a message in clear.
        user: who sends it.
        fields: of the message, besides what every message has.
        repeats: how often it is pushed again although it was answered.
        count: how many such messages, each with an id of its own.
    """

    account: str
    url: str
    token: str
    aes_key: str = ""
    user: str = "alice"
    fields: dict[str, str] = {}
    repeats: int = 0
    count: int = 1


class Pushed(msgspec.Struct):
    """An attempt: the message's id, and the status and body of the answer; 0 for none."""

    id: str
    status: int
    answer: str


class MessagesControl(Control):
    """``/_sandbox/messages``: a user sends a message, which the platform pushes."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._pushed: deque[Pushed] = deque(maxlen=_KEPT)
        self._running: set[asyncio.Task[None]] = set()

    def on_get(self, _call: Call) -> Reply:
        """Show the last attempts, oldest first, and how many messages are still on their way."""
        return send({"pushed": list(self._pushed), "running": len(self._running)})

    def on_post(self, call: Call) -> Reply:
        """Push messages, in the background; see ``Message``."""
        wanted = body_of(call, Message)
        if self.world.accounts.find(wanted.account) is None:
            raise wrong('give a known "account"')
        if (
            not wanted.url.startswith(_WEB)
            or not 1 <= wanted.count <= _KEPT
            or not 0 <= wanted.repeats <= ATTEMPTS
        ):
            raise wrong(f'give a web address as "url", "count" 1 to {_KEPT} and "repeats" 0 to {ATTEMPTS}')
        if wanted.aes_key and not KEY_FORM.fullmatch(wanted.aes_key):
            raise wrong('give 43 letters and digits as "aes_key"')
        loop = asyncio.get_running_loop()
        for _ in range(wanted.count):
            task = loop.create_task(self._push(wanted))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return send({"running": len(self._running)})

    async def _push(self, wanted: Message) -> None:
        number = str(secrets.randbits(62))
        common = {
            "ToUserName": f"gh_{wanted.account[-8:]}",
            "FromUserName": wanted.user,
            "CreateTime": str(int(self.world.clock.now())),
            "MsgType": "text",
        }
        fields = (
            {**common, "Content": "hello", "MsgId": number}
            if not wanted.fields
            else {**common, **wanted.fields}
        )
        if fields["MsgType"] != "event":
            fields.setdefault("MsgId", number)
        given = 0
        for attempt in range(ATTEMPTS + wanted.repeats):
            status, answer = await self._attempt(wanted, fields)
            self._pushed.append(Pushed(number, status, answer))
            given = given + 1 if status else 0
            if given > wanted.repeats or attempt + 1 >= ATTEMPTS + wanted.repeats:
                return

    async def _attempt(self, wanted: Message, fields: dict[str, str]) -> tuple[int, str]:
        body, sealed = write_fields(fields), ""
        stamp, nonce = str(int(self.world.clock.now())), secrets.token_hex(5)
        pairs: dict[str, Any] = {
            "signature": signature(wanted.token, stamp, nonce),
            "timestamp": stamp,
            "nonce": nonce,
            "openid": wanted.user,
        }
        if wanted.aes_key:
            sealed = MessageCipher(wanted.aes_key).encrypt(body, wanted.account)
            body = write_fields({"ToUserName": fields["ToUserName"], "Encrypt": sealed})
            pairs |= {
                "encrypt_type": "aes",
                "msg_signature": signature(wanted.token, stamp, nonce, sealed),
            }
        joint = "&" if "?" in wanted.url else "?"
        url = f"{wanted.url}{joint}{urlencode(pairs)}"
        try:
            async with (
                asyncio.timeout(PATIENCE),
                aiohttp.ClientSession() as session,
                session.post(url, data=body, headers={"content-type": "text/xml"}) as response,
            ):
                return response.status, (await response.text())[:1000]
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
            return 0, ""
