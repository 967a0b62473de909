"""Pushing to the callbacks of third-party platforms: a ticket every ten minutes of its clock, and on demand."""

import asyncio
import secrets
from typing import Final
from urllib.parse import urlencode

import aiohttp

from lingpai.core.logs import structlog
from lingpai.core.message_crypto import MessageCipher, new_key, signature
from lingpai.core.message_fields import write_fields
from lingpai.sandbox.components import new_ticket
from lingpai.sandbox.options import WechatComponent
from lingpai.sandbox.pushed import Pushing
from lingpai.sandbox.world import Mark, World

TIMEOUT: Final = 5.0
"""Seconds that a callback has; the platform itself waits as long."""
LOOK_EVERY: Final = 0.1
AGAIN: Final = 2.0
"""Seconds after which a ticket is pushed again that was not answered with `success`."""
STALE: Final = 660
FAULTS: Final = ("key", "token", "receiver", "stale")
_SHOWN: Final = 200
log = structlog.get_logger("lingpai.sandbox")


async def push_for_ever(world: World) -> None:
    """Push what is due and what is waiting, until cancelled."""
    while True:
        for component in list(world.accounts.components.values()):
            if component.callback and not world.is_in_force(world.marks.get(_mark(component))):
                await _push_ticket(world, component)
        waiting, world.outbox.waiting = world.outbox.waiting, []
        for each in waiting:
            await push(world, each)
        await asyncio.sleep(LOOK_EVERY)


async def push(world: World, pushing: Pushing) -> Pushing:
    """Push one thing; what came of it is in what was given, and in the outbox."""
    component = world.accounts.components.get(pushing.component)
    if component is None or not component.callback:
        pushing.answer = "no callback"
        return pushing
    try:
        await _send(component, pushing, _message(world, component, pushing), int(world.clock.now()))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        pushing.answer = type(error).__name__
    except Exception:  # nothing may end the pushing
        log.exception("push_failed")
    world.outbox.note(pushing)
    return pushing


async def _push_ticket(world: World, component: WechatComponent) -> None:
    world.marks.put(_mark(component), Mark(ends=world.until(world.rules.ticket_every)))
    if not (await push(world, Pushing(component.appid, "ticket", {}))).taken:
        world.marks.put(_mark(component), Mark(ends=world.until(AGAIN)))


def _mark(component: WechatComponent) -> str:
    return f"ticket pushed|{component.appid}|{component.callback}"


def _message(world: World, component: WechatComponent, pushing: Pushing) -> bytes:
    event, members = pushing.event, dict(pushing.members)
    if event == "ticket":
        event = "component_verify_ticket"
        members.setdefault("ComponentVerifyTicket", new_ticket(world, component))
    at = members.pop("CreateTime", str(int(world.clock.now())))
    return write_fields({"AppId": component.appid, "CreateTime": at, "InfoType": event, **members})


async def _send(component: WechatComponent, pushing: Pushing, message: bytes, now: int) -> None:
    fault = pushing.fault
    key = new_key() if fault == "key" else component.encoding_key
    receiver = "wx0000000000000000" if fault == "receiver" else component.appid
    token = secrets.token_hex(8) if fault == "token" else component.token
    timestamp, nonce = str(now - STALE if fault == "stale" else now), secrets.token_hex(8)
    encrypted = MessageCipher(key).encrypt(message, receiver)
    query = {
        "signature": signature(token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "encrypt_type": "aes",
        "msg_signature": signature(token, timestamp, nonce, encrypted),
    }
    body = write_fields({"AppId": component.appid, "Encrypt": encrypted})
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(
            f"{component.callback}?{urlencode(query)}",
            data=body,
            headers={"content-type": "text/xml"},
        ) as response,
    ):
        pushing.status = response.status
        pushing.answer = (await response.text())[:_SHOWN]
