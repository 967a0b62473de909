"""Merchants' accounts: their tokens by the third-party platform, and their refresh tokens, which must not be lost.

A refresh token is stored before the token that came with it. When the process dies before either is stored, the
platform may have replaced the stored one: it then says so, and the newer one is read back from it.
"""

from collections.abc import Awaitable, Callable

from lingpai.core.records import Generation
from lingpai.keeper.app import App
from lingpai.keeper.context import Context, log
from lingpai.keeper.failures import PERMANENT, TRANSIENT, FetchFailed
from lingpai.keeper.platform_client import SentAt, call_platform
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Severity, refresh_kind_of
from lingpai.keeper.platforms.third_party import MerchantCall
from lingpai.keeper.refresh_tokens import read_refresh_token
from lingpai.keeper.third_parties.providers import ask, provider_of, third_party_of
from lingpai.keeper.upstream import Refusal, Unreachable
from lingpai.store.port import Fetched

RenewToken = Callable[[Generation], Awaitable[Generation]]
"""Returns a token of the third-party platform newer than the dead one that it takes."""


async def fetch_merchant(context: Context, app: App, token: Generation, renew_token: RenewToken) -> Fetched:
    """Fetch the token of a merchant's account.

    Args:
        context: the keeper's.
        app: the merchant's account.
        token: the third-party platform's live token.
        renew_token: called when the platform no longer accepts that.

    Raises:
        FetchFailed: nothing usable came.
        LingpaiError: the third-party platform's token could not be renewed.
    """
    call = app.platform.merchant
    if app.via is None or call is None:
        raise AssertionError("nobody acts for the account")
    provider = await provider_of(context, app.via)
    held = await read_refresh_token(context, app, ACCESS_TOKEN) if call.field else None
    refresh_token = "" if held is None or held.current is None else held.current.value
    if call.field and not refresh_token:
        refresh_token = await read_back(context, app, provider, token.value)
    mended: set[str] = set()
    while True:
        try:
            return await _fetch(context, app, provider, token.value, refresh_token)
        except FetchFailed as failure:
            if failure.fault.severity is Severity.DEAD_TOKEN and "token" not in mended:
                mended.add("token")
                await context.store.mark_suspect(provider.key(ACCESS_TOKEN), token.version)
                token = await renew_token(token)
            elif failure.code in call.lost and "refresh" not in mended:
                mended.add("refresh")
                newer = await read_back(context, app, provider, token.value)
                if newer in {"", refresh_token}:
                    raise
                refresh_token = newer
            elif failure.code in call.gone:
                await _drop_if_gone(context, app, provider, token.value, call)
                raise
            else:
                raise _final(failure) from failure


async def read_back(context: Context, app: App, provider: App, token: str) -> str:
    """Return a merchant's refresh token as the platform has it, stored; "" when it has none.

    Raises:
        FetchFailed: the platform could not be asked.
    """
    third, sent_at = third_party_of(provider), SentAt(context)
    try:
        answer = await ask(context, provider, token, third.info, (app.account, app.secret))
    except Refusal as refusal:
        raise FetchFailed(provider.platform.fault(refusal.code), refusal.code, refusal.message) from refusal
    except Unreachable as unreachable:
        raise FetchFailed(TRANSIENT, None, str(unreachable)) from unreachable
    found = third.info_of(answer).refresh_token
    if found:
        await keep_refresh_token(context, app, sent_at, found)
        log.info("refresh_token_read_back", platform=app.platform.name, account=app.account)
    return found


async def keep_refresh_token(context: Context, app: App, sent_at: SentAt, value: str) -> None:
    """Store a merchant's refresh token, unless one that came later is stored."""
    call = app.platform.merchant
    if call is None:
        raise AssertionError("the platform has no merchants' accounts")
    fetched = sent_at.fetched(value, call.life)
    await context.store.put_generation(
        app.key(refresh_kind_of(ACCESS_TOKEN)), fetched, previous_end=fetched.end, renew=None
    )


async def _fetch(context: Context, app: App, provider: App, token: str, refresh_token: str) -> Fetched:
    call = app.platform.merchant
    if call is None:
        raise AssertionError("the platform has no merchants' accounts")
    sent_at = SentAt(context)
    fields = call.request(provider.account, app.account, app.secret, refresh_token)
    query = {third_party_of(provider).parameter: token}
    try:
        answer = await call_platform(context, provider, "POST", call.path, fields, query)
        fetched = sent_at.fetched_by(call, answer)
        if call.field:
            await keep_refresh_token(context, app, sent_at, answer.get(call.field) or refresh_token)
    except Refusal as refusal:
        raise FetchFailed(provider.platform.fault(refusal.code), refusal.code, refusal.message) from refusal
    except Unreachable as unreachable:
        raise FetchFailed(TRANSIENT, None, str(unreachable)) from unreachable
    return fetched


def _final(failure: FetchFailed) -> FetchFailed:
    """Return a failure that nothing here mends: whatever else the number means, an operator has to see to it."""
    if failure.fault.severity in (Severity.DEAD_TOKEN, Severity.CALLER):
        return FetchFailed(PERMANENT, failure.code, str(failure))
    return failure


async def _drop_if_gone(context: Context, app: App, provider: App, token: str, call: MerchantCall) -> None:
    """Forget an account whose merchant has withdrawn, when the platform says so a second time, asked otherwise."""
    try:
        await ask(context, provider, token, third_party_of(provider).info, (app.account, app.secret))
    except Refusal as refusal:
        if refusal.code in call.gone:
            await context.store.remove_account(app.platform.name, app.account, app.label)
            log.warning(
                "merchant_gone", platform=app.platform.name, account=app.account, errcode=refusal.code
            )
    except Unreachable:
        pass
