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
from lingpai.sandbox.options import ThirdParty, WecomSuite
from lingpai.sandbox.pushed import OK, SUCCESS, Pushing, form_of
from lingpai.sandbox.world import Mark, World

TIMEOUT: Final = 5.0
"""Seconds that a callback has; the platform itself waits as long."""
LOOK_EVERY: Final = 0.1
AGAIN: Final = 2.0
"""Seconds after which a ticket is pushed again that was not answered with `success`."""
STALE: Final = 660
FAULTS: Final = ("key", "token", "receiver", "stale")
ECHO: Final = "echostr"
"""In place of an event: the question whether the callback is right, by GET. Its text must come back."""
_SHOWN: Final = 200
log = structlog.get_logger("lingpai.sandbox")


async def push_for_ever(world: World) -> None:
    """Push what is due and what is waiting, until cancelled."""
    while True:
        for third in world.accounts.third_parties.values():
            if third.callback and not world.is_in_force(world.marks.get(_mark(third))):
                await _push_ticket(world, third)
        waiting, world.outbox.waiting = world.outbox.waiting, []
        for each in waiting:
            await push(world, each)
        await asyncio.sleep(LOOK_EVERY)


async def push(world: World, pushing: Pushing) -> Pushing:
    """Push one thing; what came of it is in what was given, and in the outbox."""
    third = world.accounts.third_parties.get(pushing.component)
    if third is None or not third.callback:
        pushing.answer = "no callback"
        return pushing
    try:
        await _send(third, pushing, _message(world, third, pushing), int(world.clock.now()))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        pushing.answer = type(error).__name__
    except Exception:  # nothing may end the pushing
        log.exception("push_failed")
    world.outbox.note(pushing)
    return pushing


async def _push_ticket(world: World, third: ThirdParty) -> None:
    world.marks.put(_mark(third), Mark(ends=world.until(world.rules.ticket_every)))
    if not (await push(world, Pushing(third.id, "ticket", {}))).taken:
        world.marks.put(_mark(third), Mark(ends=world.until(AGAIN)))


def _mark(third: ThirdParty) -> str:
    return f"ticket pushed|{third.id}|{third.callback}"


def _message(world: World, third: ThirdParty, pushing: Pushing) -> bytes:
    event, members, form = pushing.event, dict(pushing.members), form_of(third)
    if event == ECHO:
        return secrets.token_hex(8).encode()
    if event == "ticket":
        event = form.ticket
        members.setdefault(form.ticket_field, new_ticket(world, third))
    at = members.pop(form.time, str(int(world.clock.now())))
    return write_fields({form.id: third.id, form.time: at, "InfoType": event, **members})


def _receiver(third: ThirdParty, pushing: Pushing) -> str:
    if pushing.fault == "receiver":
        return "wx0000000000000000"
    return third.corpid if pushing.event == ECHO and isinstance(third, WecomSuite) else third.id


async def _send(third: ThirdParty, pushing: Pushing, message: bytes, now: int) -> None:
    fault, form = pushing.fault, form_of(third)
    key = new_key() if fault == "key" else third.encoding_key
    token = secrets.token_hex(8) if fault == "token" else third.token
    timestamp, nonce = str(now - STALE if fault == "stale" else now), secrets.token_hex(8)
    encrypted = MessageCipher(key).encrypt(message, _receiver(third, pushing))
    query = {"timestamp": timestamp, "nonce": nonce, **form.query}
    if form.query:
        query["signature"] = signature(token, timestamp, nonce)
    query["msg_signature"] = signature(token, timestamp, nonce, encrypted)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        if pushing.event == ECHO:
            call = session.get(f"{third.callback}?{urlencode({**query, 'echostr': encrypted})}")
        else:
            body = write_fields({form.receiver: third.id, "Encrypt": encrypted})
            headers = {"content-type": "text/xml"}
            call = session.post(f"{third.callback}?{urlencode(query)}", data=body, headers=headers)
        async with call as response:
            pushing.status, answer = response.status, await response.text()
    if pushing.event == ECHO and pushing.status == OK:
        answer = SUCCESS if answer.encode() == message else "another text"
    pushing.answer = answer[:_SHOWN]
