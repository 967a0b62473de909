"""Calls of a third-party platform with the token that is stored."""

from typing import Any

from lingpai.keeper.app import App
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Severity
from lingpai.keeper.platforms.third_party import AskedCall
from lingpai.keeper.third_parties.providers import ask
from lingpai.keeper.upstream import Refusal


async def ask_with_token(keeper: Keeper, provider: App, call: AskedCall, argument: Any) -> dict[str, Any]:
    """Return what the platform answers; when the token is dead, that is renewed and the call made once more.

    A dead token uses up no code.

    Raises:
        Refusal: it answered an error number.
        Unreachable: it gave no usable answer.
        LingpaiError: there is no token.
    """
    token = current_of(await keeper.credentials.get_or_fetch(provider, ACCESS_TOKEN))
    try:
        return await ask(keeper, provider, token.value, call, argument)
    except Refusal as refusal:
        if provider.platform.fault(refusal.code).severity is not Severity.DEAD_TOKEN:
            raise
        await keeper.store.mark_suspect(provider.key(ACCESS_TOKEN), token.version)
        renewed = current_of(await keeper.credentials.fetch_once(provider, ACCESS_TOKEN, token))
        if renewed.value == token.value:
            raise
    return await ask(keeper, provider, renewed.value, call, argument)
