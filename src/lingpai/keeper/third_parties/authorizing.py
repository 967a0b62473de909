"""A merchant's visit: our page with a button, the platform's page, and back with a code."""

import hmac
import secrets
import struct
from typing import Any, Final, NamedTuple

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.networks import network_of
from lingpai.core.records import Account
from lingpai.core.seals import Digester
from lingpai.core.third_parties import Push
from lingpai.keeper.app import App
from lingpai.keeper.budgets import first_in, is_spent, take
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.forms import member
from lingpai.keeper.platforms.third_party import AskedCall, ThirdParty, Visit
from lingpai.keeper.proofs import UNPROVEN
from lingpai.keeper.third_parties.calls import ask_with_token
from lingpai.keeper.third_parties.providers import third_party_of
from lingpai.keeper.third_parties.pushes import (
    DONE,
    FAILED_VISITS,
    GRANTED,
    MOST_FAILED_VISITS,
    Task,
    accept,
    digest_of,
)
from lingpai.keeper.upstream import Refusal, Unreachable

LONGEST_VISIT: Final = 3_600
"""Seconds that a merchant may take for one visit."""
RESULT_LIFE: Final = 600
"""Seconds in which the one-time result of an authorization may be asked for."""
VISITS_A_MINUTE: Final = 120
"""Visits of one third-party platform: each costs a call."""
CODES_OF_A_NETWORK: Final = 60
"""Codes that one network may bring to one third-party platform in an hour."""
HOUR: Final = 3_600.0
PATIENCE: Final = 8.0
POLL: Final = 0.1
_LAYOUT: Final = struct.Struct(">I8s8s")
_MAC: Final = 16


class State(NamedTuple):
    """What comes back with the merchant, unchanged.

    Attributes:
        ends_at: unix time in seconds.
        browser: what the browser has as a cookie.
        next_digest: of the address to lead the merchant to, zeros for none.
    """

    ends_at: int
    browser: bytes
    next_digest: bytes


class Entrance(NamedTuple):
    """The platform's page.

    Attributes:
        computer: its address for computers.
        phone: the same for phones, or "".
        browser: cookie for the browser.
    """

    computer: str
    phone: str
    browser: str


NO_ENTRANCE: Final = Entrance("", "", "")


async def enter(
    keeper: Keeper, provider: App, account: Account, back: str, wanted: tuple[str, str, str]
) -> Entrance:
    """Begin a visit.

    Args:
        keeper: the keeper.
        provider: the third-party platform.
        account: the same as it is configured.
        back: our address to which the merchant comes back.
        wanted: where to lead the merchant afterwards, kind of accounts, and id of the one account; "" for any.

    Raises:
        LingpaiError: INVALID_PARAMETER when the merchant may not be led there, or there are no such visits;
            BUDGET_SPENT; UPSTREAM_REFUSED or UPSTREAM_UNAVAILABLE.
    """
    next_url, auth_type, biz_appid = wanted
    third = third_party_of(provider)
    _demand_visit(third, auth_type, biz_appid)
    if next_url and next_url not in account.next_urls:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "This address is not one of the account's next_urls.", parameter="next"
        )
    if not await take(keeper, provider.subject, "visits", VISITS_A_MINUTE, 60):
        raise LingpaiError(Kind.BUDGET_SPENT, "Too many visits in this minute; try again.", retry_after=60)
    code = await _pre_auth_code(keeper, provider, auth_type)
    browser = secrets.token_bytes(8)
    state = State(
        int(keeper.clock.now()) + LONGEST_VISIT,
        browser,
        _next_digest(keeper, next_url) if next_url else bytes(8),
    )
    text = _write(keeper, provider, state)
    visit = Visit(provider.account, code, back, text, auth_type, biz_appid)
    computer, phone = third.pages(provider.platform.address("pages"), visit)
    return Entrance(computer, phone, browser.hex())


def _demand_visit(third: ThirdParty, auth_type: str, biz_appid: str) -> None:
    """Refuse a visit of a kind, or for one account, where the platform has no such visits."""
    if auth_type and third.kinds and auth_type not in third.kinds:
        raise LingpaiError(
            Kind.INVALID_PARAMETER,
            f"The kinds of visits are {', '.join(sorted(third.kinds))}.",
            parameter="auth_type",
        )
    if biz_appid and not third.one_account:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "On this platform any account may be chosen.", parameter="biz_appid"
        )


async def _pre_auth_code(keeper: Keeper, provider: App, auth_type: str) -> str:
    """Return a code for one visit, of a kind where one is named."""
    third = third_party_of(provider)
    answer = await _ask(keeper, provider, third.pre_auth, None)
    code = member(answer, "pre_auth_code")
    if not isinstance(code, str) or not code:
        raise LingpaiError(
            Kind.UPSTREAM_UNAVAILABLE, "The call to the upstream platform failed: no pre_auth_code."
        )
    if auth_type and third.session is not None:
        await _ask(keeper, provider, third.session, (code, auth_type))
    return code


async def _ask(keeper: Keeper, provider: App, call: AskedCall, argument: Any) -> dict[str, Any]:
    try:
        return await ask_with_token(keeper, provider, call, argument)
    except Refusal as refusal:
        raise LingpaiError(Kind.UPSTREAM_REFUSED, refusal.message, code=refusal.code) from refusal
    except Unreachable as unreachable:
        raise LingpaiError(
            Kind.UPSTREAM_UNAVAILABLE, f"The call to the upstream platform failed: {unreachable}."
        ) from unreachable


def visit_of(keeper: Keeper, provider: App, text: str) -> State:
    """Return the state that a merchant comes back with.

    Our page gives one to every visit, and the platforms bring it back; what comes without is a stranger's.

    Raises:
        LingpaiError: INVALID_PARAMETER when it is none of ours, or has ended.
    """
    state = _read(keeper, provider, text)
    if state is None:
        raise LingpaiError(
            Kind.INVALID_PARAMETER,
            "This authorization did not begin at this service, or took too long; begin again.",
            parameter="state",
        )
    return state


async def come_back(keeper: Keeper, provider: App, code: str, state: State, peer: str) -> str:
    """Exchange a merchant's code, which is stored first; return the name of the account, "" when it takes longer.

    Args:
        keeper: the keeper.
        provider: the third-party platform.
        code: as the platform's page gave it.
        state: of the visit, which has one code.
        peer: IP address of the merchant.

    Raises:
        LingpaiError: UPSTREAM_REFUSED when the platform does not take the code; INVALID_PARAMETER when the visit had
            another one; BUDGET_SPENT.
    """
    task = Task(GRANTED, keeper.clock.now(), code, visited=True)
    push = await keeper.store.find_push(digest_of(keeper, provider, task))
    if push is None:
        await _demand_turn(keeper, provider, code, state, peer)
        push = await accept(keeper, provider, task)
    give_up = keeper.clock.steady() + PATIENCE
    while push.content and keeper.clock.steady() < give_up:
        await keeper.store.wait_change(POLL)
        push = await keeper.store.find_push(push.digest) or push
    return _name_in(push)


async def _demand_turn(keeper: Keeper, provider: App, code: str, state: State, peer: str) -> None:
    """Let the first code of a visit pass, within limits: each costs the platform a call, and wrong ones add up there.

    Raises:
        LingpaiError: INVALID_PARAMETER, BUDGET_SPENT.
    """
    visit = keeper.digest_code(_write(keeper, provider, state)).hex()
    if not await keeper.store.lead(
        f"visit {visit}", keeper.digest_code(code).hex(), float(LONGEST_VISIT)
    ):  # whoever has it keeps it: the same code may come twice
        raise LingpaiError(
            Kind.INVALID_PARAMETER,
            "This visit has brought another authorization already; begin again.",
            parameter="auth_code",
        )
    network = f"{provider.name} {network_of(peer)}"
    if not await take(keeper, keeper.digest_code(network).hex(), UNPROVEN, CODES_OF_A_NETWORK, HOUR):
        raise LingpaiError(Kind.BUDGET_SPENT, "Too many authorizations from your network.", retry_after=600)
    if await is_spent(keeper, provider.subject, FAILED_VISITS, MOST_FAILED_VISITS, HOUR):
        raise LingpaiError(Kind.BUDGET_SPENT, "Too many authorizations have failed.", retry_after=600)


def _name_in(push: Push) -> str:
    if push.content:
        return ""
    word, _, name = push.outcome.partition(" ")
    if word != DONE:
        raise LingpaiError(Kind.UPSTREAM_REFUSED, "The platform does not accept this authorization.")
    return name


def next_of(keeper: Keeper, account: Account, state: State, browser: str) -> str:
    """Return where a merchant that comes back is led to, "" for nowhere: the state may be another browser's."""
    if not hmac.compare_digest(state.browser.hex().encode(), browser.encode("utf-8", "surrogatepass")):
        return ""
    return next((each for each in account.next_urls if _next_digest(keeper, each) == state.next_digest), "")


def new_result(keeper: Keeper, provider: App, name: str) -> str:
    """Return a code for which the name of an authorised account is given out once."""
    ends_at = int(keeper.clock.now()) + RESULT_LIFE
    text = " ".join((name, str(ends_at), secrets.token_hex(8)))
    return f"{text.encode().hex()}.{_result_mac(keeper, provider, text)}"


async def take_result(keeper: Keeper, provider: App, result: str) -> str:
    """Return the name of the account that a one-time result is about.

    Raises:
        LingpaiError: INVALID_PARAMETER when it is none, has ended or was taken before.
    """
    head, _, mac = result.partition(".")
    wrong = LingpaiError(
        Kind.INVALID_PARAMETER, "This result is unknown, was taken before or has ended.", parameter="result"
    )
    try:
        text = bytes.fromhex(head).decode()
        name, ends_at, _ = text.split(" ")
    except ValueError:
        raise wrong from None
    if not hmac.compare_digest(
        mac.encode("utf-8", "surrogatepass"), _result_mac(keeper, provider, text).encode()
    ):
        raise wrong
    if float(ends_at) <= keeper.clock.now():
        raise wrong
    if not await first_in(
        keeper, provider.subject, f"result {keeper.digest_code(mac).hex()}", RESULT_LIFE * 2
    ):
        raise wrong
    return name


def _result_mac(keeper: Keeper, provider: App, text: str) -> str:
    return Digester(keeper.ring, "authorization result")(f"{provider.name} {text}").hex()


def _next_digest(keeper: Keeper, url: str) -> bytes:
    return Digester(keeper.ring, "next url")(url)[:8]


def _write(keeper: Keeper, provider: App, state: State) -> str:
    body = _LAYOUT.pack(*state)
    return (body + _mac(keeper, provider, body)).hex()


def _read(keeper: Keeper, provider: App, text: str) -> State | None:
    """Return a state of ours that has not ended, else None."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    body, mac = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
    if len(raw) != _LAYOUT.size + _MAC or not hmac.compare_digest(mac, _mac(keeper, provider, body)):
        return None
    state = State(*_LAYOUT.unpack(body))
    return state if state.ends_at > keeper.clock.now() else None


def _mac(keeper: Keeper, provider: App, body: bytes) -> bytes:
    return Digester(keeper.ring, "visit")(f"{provider.name} {body.hex()}")
