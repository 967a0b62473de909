"""What third-party platforms push: stored before it is answered, then done, by whoever got it or else by the leader."""

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.third_parties import Push
from lingpai.keeper.app import App
from lingpai.keeper.budgets import first_in, take
from lingpai.keeper.context import log
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platform_client import SentAt
from lingpai.keeper.third_parties.adopting import adopt, recover, update, withdraw
from lingpai.keeper.third_parties.calls import ask_with_token
from lingpai.keeper.third_parties.providers import acts_for, merchants_of, third_party_of
from lingpai.keeper.upstream import Refusal, Unreachable

GRANTED = "granted"
CHANGED = "changed"
ENDED = "ended"
DONE = "done"
FAILED = "failed"
"""The first word of what came of a push."""

AT_ONCE = 32
FAILED_VISITS = "failed visits"
"""Name of the budget of codes that browsers brought and the platform refused."""
MOST_FAILED_VISITS = 300
"""Of a third-party platform in an hour; at 2,000 wrong calls WeChat blocks it for all merchants."""
_LOOK_EVERY = 60.0
"""Seconds between two questions after grants that browsers' codes may have brought."""
_FIRST_WAIT = 5.0
_LONGEST_WAIT = 600.0
_KEPT_TRYING = 86_400.0
"""Seconds after which a push that cannot be done is given up: what it brought is read back from the platform."""


class Task(msgspec.Struct, frozen=True):
    """What is to be done about a push.

    Attributes:
        what: GRANTED, CHANGED or ENDED.
        at: unix time in seconds of the event, by the platform.
        code: of the merchant, once; "" when the event brings none.
        merchant: its id, or "" when the event does not say.
        visited: whether a browser brought the code: it is the platform's only if the platform takes it.
    """

    what: str
    at: float
    code: str = ""
    merchant: str = ""
    visited: bool = False


def digest_of(keeper: Keeper, provider: App, task: Task) -> bytes:
    """Return by what a push is found: of a code only the first arrival counts, by push or by browser."""
    # Other events may happen again.
    named = (task.code,) if task.code else (task.what, task.merchant, str(task.at))
    return keeper.digest_code(msgspec.json.encode((provider.full_name, *named)).decode())


async def accept(keeper: Keeper, provider: App, task: Task) -> Push:
    """Store what is to be done and begin with it; return it as it is stored, also when it was there before."""
    now = keeper.clock.now()
    digest = digest_of(keeper, provider, task)
    push = Push(
        digest=digest,
        platform=provider.platform.name,
        account=provider.account,
        content=msgspec.json.encode(task).decode(),
        at=now,
        next_at=now + keeper.options.lease,
    )
    kept = await keeper.store.keep_push(push)
    if kept is None:
        return await keeper.store.find_push(digest) or push
    keeper.background.start(settle(keeper, kept), finish=True)
    return kept


async def settle_due(keeper: Keeper) -> int:
    """Begin with what nobody has done: its process died, or it failed; return with how much."""
    begun = 0
    for push in await keeper.store.due_pushes(keeper.clock.now(), AT_ONCE):
        claimed = await keeper.store.claim_push(push, keeper.clock.now() + keeper.options.lease)
        if claimed is not None:
            begun += 1
            keeper.background.start(settle(keeper, claimed), finish=True)
    return begun


async def settle(keeper: Keeper, push: Push) -> None:
    """Do what a push asks for, and note what came of it. Does not fail: what cannot be done is tried again."""
    try:
        outcome = await _do(keeper, push)
    except (Refusal, Unreachable, LingpaiError) as error:
        await _postpone(keeper, push, str(error))
    except Exception as error:  # noqa: BLE001  it would happen again at once
        log.exception("push_crashed", platform=push.platform, account=push.account)
        await _postpone(keeper, push, type(error).__name__)
    else:
        await keeper.store.settle_push(push, outcome)


async def _do(keeper: Keeper, push: Push) -> str:
    task = msgspec.json.decode(push.content, type=Task)
    found = await keeper.store.find_accounts(push.platform, push.account)
    if not found:
        return f"{FAILED} the account is not configured any more"
    provider = keeper.app_of(found[0])
    if task.what == GRANTED:
        return await _exchange(keeper, provider, task, push.digest.hex())
    if task.what == ENDED:
        gone = await withdraw(keeper, provider, task.merchant, task.at)
        return f"{DONE} {task.merchant}" if gone else f"{DONE} nothing"
    await _update(keeper, provider, task)
    return f"{DONE} {task.merchant}"


async def _exchange(keeper: Keeper, provider: App, task: Task, digest: str) -> str:
    third, sent_at = third_party_of(provider), SentAt(keeper)
    try:
        answer = await ask_with_token(keeper, provider, third.exchange, task.code)
    except Refusal as refusal:
        if refusal.code not in third.refused:
            raise
        # Used up, maybe by a process that died before it had stored the answer, or had noted that it had.
        return await _look_for(keeper, provider, task, digest, refusal)
    grant = third.grant_of(answer)
    if not grant.account:
        raise Unreachable("a success that names no account")
    return f"{DONE} {await adopt(keeper, provider, grant, sent_at, task.at, digest)}"


async def _look_for(keeper: Keeper, provider: App, task: Task, digest: str, refusal: Refusal) -> str:
    third = third_party_of(provider)
    for account in await merchants_of(keeper, provider):
        if account.via is not None and account.via.brought_by == digest:
            return f"{DONE} {account.name}"
    if task.visited:
        await take(keeper, provider.subject, FAILED_VISITS, MOST_FAILED_VISITS, 3_600)
    # Anybody may type a code into a browser, and each question costs the platform's quota.
    asks = not task.visited or await first_in(keeper, provider.subject, "look for a grant", _LOOK_EVERY)
    added = await recover(keeper, provider) if asks else []
    for account in await keeper.store.find_accounts(third.merchants, task.merchant):
        if acts_for(provider, account):
            return f"{DONE} {account.name}"
    if added and not task.visited:  # else it may be anybody's
        return f"{DONE} {added[0]}"
    log.error("grant_lost", platform=provider.platform.name, account=provider.account, errcode=refusal.code)
    return f"{FAILED} {refusal}"


async def _update(keeper: Keeper, provider: App, task: Task) -> None:
    third = third_party_of(provider)
    for account in await keeper.store.find_accounts(third.merchants, task.merchant):
        if acts_for(provider, account):
            answer = await ask_with_token(keeper, provider, third.info, (account.account, account.secret))
            await update(keeper, provider, account, third.info_of(answer))


async def _postpone(keeper: Keeper, push: Push, reason: str) -> None:
    now = keeper.clock.now()
    if now - push.at > _KEPT_TRYING:
        log.error("push_given_up", platform=push.platform, account=push.account, reason=reason)
        await keeper.store.settle_push(push, f"{FAILED} {reason}")
        return
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(push.attempts, 16))
    log.warning(
        "push_postponed", platform=push.platform, account=push.account, reason=reason, retry_in=int(wait)
    )
    await keeper.store.postpone_push(push, now + wait, reason)
