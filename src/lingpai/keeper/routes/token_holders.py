"""Callers with a token that this service handed out: the app that it is for, and what its holder may do with it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential
from lingpai.core.wire import Call
from lingpai.keeper.app import App
from lingpai.keeper.forwarding.bearers import bearer_of, demand_path
from lingpai.keeper.forwarding.phantoms import Phantom
from lingpai.keeper.generations import is_live
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.forwarding import TokenPlace
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Platform


def token_at(call: Call, params: Any, place: TokenPlace) -> str:
    """Return the token of a call, from where the platform has it.

    Raises:
        LingpaiError: MISSING_PARAMETER when it is not there.
    """
    token = getattr(params, place.parameter) if place.parameter else token_in_header(call, place)
    if not token:
        raise LingpaiError(
            Kind.MISSING_PARAMETER, f"The header {place.header} is missing.", parameter=place.header
        )
    return str(token)


def token_in_header(call: Call, place: TokenPlace) -> str | None:
    """Return the token in a header of a call, or None."""
    value = call.header(place.header)
    if value is None or not value.lower().startswith(place.scheme.lower()):
        return None
    return value[len(place.scheme) :].strip()


async def app_of_token(
    keeper: Keeper, call: Call, platform: Platform, token: str, right: str, path: str = ""
) -> App:
    """Return the app for which we handed out this live token, or phantom token.

    Who has the platform's token could ask the platform itself. Who has a phantom token needs the right, or may have the
    call forwarded.

    Args:
        keeper: the keeper.
        call: the request.
        platform: whose token it is.
        token: as it came.
        right: what is asked for.
        path: of a call that could be forwarded as well, or "".

    Raises:
        LingpaiError: UNKNOWN_TOKEN when we did not, or it has ended; NOT_ALLOWED.
    """
    credential = await keeper.store.find_credential(token)
    if credential is None:
        phantom = keeper.phantoms.read(token)
        if phantom is not None and phantom.platform == platform.name:
            return await _bearer(keeper, call, platform, phantom, right, path)
    if credential is None or not _is_live_token(keeper, credential, platform, token):
        raise LingpaiError(
            Kind.UNKNOWN_TOKEN, "access_token was not issued through this service, or it has expired"
        )
    app = await app_of_credential(keeper, credential, f"token:{platform.name}/{credential.key.account}")
    return msgspec.structs.replace(app, peer=call.peer)


async def _bearer(
    keeper: Keeper, call: Call, platform: Platform, phantom: Phantom, right: str, path: str
) -> App:
    forwarding = platform.forwarding if path else None
    rights = (right,) if forwarding is None else (right, "forward")
    app, caller = await bearer_of(keeper, call, phantom, *rights)
    if forwarding is not None and right not in caller.rights:
        demand_path(caller, forwarding, path)
    return app


@contextlib.contextmanager
def demanding_live_token() -> Iterator[None]:
    """Have a client whose token is dead fetch another one, where only who has the secret gets it.

    Raises:
        LingpaiError: UNKNOWN_TOKEN in the place of NO_SECRET.
    """
    try:
        yield
    except LingpaiError as error:
        if error.kind is not Kind.NO_SECRET:
            raise
        raise LingpaiError(
            Kind.UNKNOWN_TOKEN, "the platform no longer accepts this access_token; fetch another one"
        ) from error


async def app_of_credential(keeper: Keeper, credential: Credential, asker: str) -> App:
    """Return the app that a credential belongs to; one without a secret when it is not configured."""
    key = credential.key
    for account in await keeper.store.find_accounts(key.platform, key.account):
        app = keeper.app_of(account, asker)
        if app.digest == key.secret_digest:
            return app
    return App(
        platform=keeper.platforms[key.platform],
        account=key.account,
        secret="",
        digest=key.secret_digest,
        configured=False,
        asker=asker,
    )


def _is_live_token(keeper: Keeper, credential: Credential, platform: Platform, token: str) -> bool:
    if credential.key.platform != platform.name or credential.key.kind not in (
        ACCESS_TOKEN,
        *platform.tokens,
    ):
        return False
    generations = (credential.current, credential.previous)
    return any(each is not None and each.value == token and is_live(keeper, each) for each in generations)
