"""Callbacks of third-party platforms: who pushed it is proven first, then it is stored, then it is answered."""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.message_crypto import MessageError, decrypt_for, is_signed, is_timely
from lingpai.core.message_fields import MessageFieldsError, read_fields
from lingpai.core.records import Account
from lingpai.keeper.app import App
from lingpai.keeper.context import log
from lingpai.keeper.counters import PUSHES
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.third_party import ThirdParty
from lingpai.keeper.third_parties.pushes import CHANGED, ENDED, GRANTED, Task, accept
from lingpai.keeper.third_parties.tickets import keep_ticket


class Signed(msgspec.Struct, kw_only=True):
    """The parameters by which a push is proven."""

    msg_signature: str = ""
    timestamp: str = ""
    nonce: str = ""
    echostr: str = ""


async def provider_named(keeper: Keeper, platform: str, account: str) -> tuple[App, Account, ThirdParty]:
    """Return a third-party platform that is configured.

    Raises:
        LingpaiError: NOT_FOUND.
    """
    described = keeper.platforms.get(platform)
    if described is not None and described.third_party is not None:
        found = await keeper.store.find_accounts(platform, account)
        if found:
            return keeper.app_of(found[0]), found[0], described.third_party
    raise LingpaiError(Kind.NOT_FOUND, "there is nothing here")


async def echo(keeper: Keeper, platform: str, account: str, signed: Signed, merchant: str = "") -> str:
    """Return the text that the platform sends encrypted to see whether this is the right address.

    Args:
        keeper: the keeper.
        platform: name of the third-party platform's platform.
        account: its id.
        signed: of the query.
        merchant: id in the path, or "".

    Raises:
        LingpaiError: NOT_FOUND; NOT_ALLOWED when it was not made for this account.
    """
    _, configured, third = await provider_named(keeper, platform, account)
    receivers = _receivers_of(configured, third, merchant)
    return _opened(keeper, configured, receivers, signed, signed.echostr).decode("utf-8", "replace")


async def receive(
    keeper: Keeper, platform: str, account: str, signed: Signed, body: bytes, merchant: str = ""
) -> None:
    """Take what was pushed; when this returns, it is stored.

    Args:
        keeper: the keeper.
        platform: name of the third-party platform's platform.
        account: its id.
        signed: of the query.
        body: as it came.
        merchant: id in the path, of pushes about the account of a merchant; else "".

    Raises:
        LingpaiError: NOT_FOUND; NOT_ALLOWED when it was not made for this account; STORE_UNAVAILABLE.
    """
    provider, configured, third = await provider_named(keeper, platform, account)
    encrypted = _fields_of(configured, body).get("Encrypt", "")
    receivers = _receivers_of(configured, third, merchant)
    pushed = _fields_of(configured, _opened(keeper, configured, receivers, signed, encrypted))
    outcome = "message" if merchant else await _take(keeper, provider, third, pushed)
    PUSHES.labels(platform, outcome).inc()


async def _take(keeper: Keeper, provider: App, third: ThirdParty, pushed: dict[str, str]) -> str:
    event, at = pushed.get(third.event, ""), _time_of(keeper, pushed.get(third.time, ""))
    ticket = third.ticket
    if event == ticket.event and pushed.get(ticket.field):
        kept = await keep_ticket(keeper, provider, third, pushed[ticket.field], at)
        return "old" if kept is None else "ticket"
    task = _task_of(third, event, pushed, at)
    if task is None:
        return "other"
    await accept(keeper, provider, task)
    return "event"


def _task_of(third: ThirdParty, event: str, pushed: dict[str, str], at: float) -> Task | None:
    ids = {*third.ended.values(), *third.changed.values()}
    merchant = next((pushed[name] for name in sorted(ids) if pushed.get(name)), "")
    code = pushed.get(third.granted.get(event, ""), "")
    if code:
        return Task(GRANTED, at, code, merchant)
    if event in third.ended and merchant:
        return Task(ENDED, at, merchant=merchant)
    if event in third.changed and merchant:
        return Task(CHANGED, at, merchant=merchant)
    return None


def _time_of(keeper: Keeper, text: str) -> float:
    try:
        return float(int(text))
    except (ValueError, OverflowError):
        return keeper.clock.now()


def _opened(
    keeper: Keeper, account: Account, receivers: frozenset[str], signed: Signed, encrypted: str
) -> bytes:
    """Return what was encrypted for one of these receivers by the platform of this account.

    Raises:
        LingpaiError: NOT_ALLOWED.
    """
    token = account.callback_token
    parts = (token, signed.timestamp, signed.nonce, encrypted)
    if not (token and is_signed(signed.msg_signature, *parts)):
        raise _refused(account, "signature")
    if not is_timely(signed.timestamp, keeper.clock.now()):
        raise _refused(account, "timestamp")
    keys = (account.encoding_key, account.former_encoding_key)
    try:
        return decrypt_for(receivers, keys, encrypted)
    except MessageError as error:
        raise _refused(account, str(error)) from error


def _fields_of(account: Account, body: bytes) -> dict[str, str]:
    try:
        return read_fields(body)
    except MessageFieldsError as error:
        raise _refused(account, "form") from error


def _receivers_of(account: Account, third: ThirdParty, merchant: str) -> frozenset[str]:
    about = merchant if third.for_merchant else ""
    return frozenset(filter(None, (account.account, account.corpid, about)))


def _refused(account: Account, problem: str) -> LingpaiError:
    PUSHES.labels(account.platform, "refused").inc()
    log.warning("push_refused", platform=account.platform, account=account.account, reason=problem)
    return LingpaiError(Kind.NOT_ALLOWED, "This was not made for this account.", detail=problem)
