"""Verbs on relays, written once for both engines (`store.transaction`)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from lingpai.core.relays import Answered, Copy, Environment, Relay, RelayMessage
from lingpai.store.administration import Statements
from lingpai.store.queries import Row
from lingpai.store.vault import Vault

_RELAY: Final = "relays.secrets"
_ENVIRONMENT: Final = "environments.secrets"
_PUSH: Final = "relay_messages.content"
_text = msgspec.json.Encoder().encode
_texts = msgspec.json.Decoder(tuple[str, ...]).decode


class _Content(msgspec.Struct, array_like=True):
    query: str
    content_type: str
    body: str
    answer: tuple[int, str, str] | None


_content = msgspec.json.Decoder(_Content).decode


def write_relay(relay: Relay, vault: Vault) -> tuple[Any, ...]:
    """Return the columns of a relay but for its revision."""
    secrets = _text((relay.token, relay.aes_key, relay.former_aes_key)).decode()
    return (relay.app, vault.seal(secrets, _RELAY, relay.app), relay.created_at)


def read_relay(row: Row, vault: Vault) -> Relay:
    """Return a relay from its columns."""
    app, sealed, created_at, revision = row
    token, aes_key, former = _texts(vault.open(bytes(sealed), _RELAY, app))
    return Relay(
        app=app,
        token=token,
        aes_key=aes_key,
        former_aes_key=former,
        created_at=created_at,
        revision=revision,
    )


def write_environment(each: Environment, vault: Vault) -> tuple[Any, ...]:
    """Return the columns of an environment but for its revision; its name is the first."""
    return (
        each.name,
        each.app,
        _text(each.redirect_uris).decode(),
        each.url,
        int(each.primary),
        _text(each.types).decode(),
        each.senders,
        vault.seal(_text((each.token, each.aes_key)).decode(), _ENVIRONMENT, each.name),
        each.failures,
        each.next_at,
        each.problem,
        each.created_at,
    )


def read_environment(row: Row, vault: Vault) -> Environment:
    """Return an environment from its columns."""
    name, app, redirect_uris, url, primary, types, senders, sealed, *rest = row
    token, aes_key = _texts(vault.open(bytes(sealed), _ENVIRONMENT, name))
    return Environment(
        name=name,
        app=app,
        redirect_uris=_texts(redirect_uris.encode()),
        url=url,
        primary=bool(primary),
        types=_texts(types.encode()),
        senders=senders,
        token=token,
        aes_key=aes_key,
        **dict(zip(Environment.__struct_fields__[9:], rest, strict=True)),
    )


def _seal_message(push: RelayMessage, vault: Vault) -> bytes:
    answer = None if push.answer is None else msgspec.structs.astuple(push.answer)
    content = _Content(push.query, push.content_type, push.body, answer)
    return vault.seal(_text(content).decode(), _PUSH, push.app, push.digest)


def read_message(row: Row, vault: Vault) -> RelayMessage:
    """Return a message from its columns."""
    app, digest, sealed = row
    content = _content(vault.open(bytes(sealed), _PUSH, app, bytes(digest)))
    answer = None if content.answer is None else Answered(*content.answer)
    return RelayMessage(
        app=app,
        digest=bytes(digest),
        query=content.query,
        content_type=content.content_type,
        body=content.body,
        answer=answer,
    )


def read_copy(row: Row, vault: Vault) -> Copy:
    """Return a copy from its columns and those of its message."""
    copy_id, environment, attempts, *of_push = row
    push = read_message(tuple(of_push), vault)
    return Copy(id=copy_id, environment=environment, attempts=attempts, push=push)


async def take_message(
    statements: Statements, vault: Vault, now: float, push: RelayMessage, copies: Mapping[str, float]
) -> RelayMessage | None:
    """See `store.relays_port.Relays.take_message`."""
    added = await statements.rows("add_message", push.app, push.digest, now, _seal_message(push, vault))
    if not added:
        found = await statements.rows("find_message", push.digest)
        return read_message(found[0], vault) if found else push
    for environment, next_at in copies.items():
        await statements.rows("add_copy", added[0][0], environment, next_at)
    return None


async def answer_message(
    statements: Statements, vault: Vault, digest: bytes, answer: Answered, environment: str
) -> None:
    """See `store.relays_port.Relays.answer_message`."""
    found = await statements.rows("lock_message", digest)
    if not found:
        return
    push = read_message(found[0][1:], vault)
    if push.answer is None:
        sealed = _seal_message(msgspec.structs.replace(push, answer=answer), vault)
        await statements.rows("answer_message", digest, sealed)
    if environment:
        await statements.rows("end_copy_of", found[0][0], environment)


async def remove_environment(statements: Statements, name: str) -> bool:
    """See `store.relays_port.Relays.remove_environment`."""
    await statements.rows("end_copies_of", name)
    return bool(await statements.rows("remove_environment", name))
