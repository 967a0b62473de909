"""Logins of many environments by one callback domain (RFC 6749 §4.1; docs/how-to/relay.md).

A platform sends browsers back to one domain. So an environment sends them here first, with its own address; they go on
to the platform with the address of this service and a state of its own, come back here, and go to the environment
with the platform's code and the environment's state.

Nothing is stored until a browser comes back: what is to be done then travels in an encrypted cookie that only this
browser has, and which names the state that it is for. So a state that was made for another browser, or another
environment, leads nowhere.
"""

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.relays import Environment
from lingpai.core.sealed_texts import SealedTexts
from lingpai.core.wire import Call
from lingpai.keeper.counters import RELAY_LOGINS
from lingpai.keeper.platforms.platform import LoginPage, Platform

if TYPE_CHECKING:
    from lingpai.keeper.keeper import Keeper

MAX_CODE: Final = 512
"""Characters of a code that routes take."""
LIFETIME: Final = 600
"""Seconds that a user may take."""
_CLAIMED_FOR: Final = 3.0
"""Seconds in which a login that begins to be finished is finished: only a write lies between."""
_PATIENCE: Final = 8.0
_POLL: Final = 0.1
_PURPOSE: Final = "relayed login"
_STATE_BYTES: Final = 16
_TAG: Final = 8
"""Digits of the state in the cookie's name: each login of a browser has its own."""


class Asked(NamedTuple):
    """What an environment asks for, by a browser.

    Attributes:
        platform: whose users log in.
        account: its id there.
        redirect_uri: the environment's address.
        scope: as the platform has them; "" for the one that asks for least.
        state: the environment's own.
        agentid: WeCom's app, or "".
        exchange: whether it gets a code of ours in the place of the platform's.
    """

    platform: Platform
    account: str
    redirect_uri: str
    scope: str
    state: str
    agentid: str
    exchange: bool


class _Login(msgspec.Struct, array_like=True):
    app: str
    environment: str
    relay_state: str
    redirect_uri: str
    state: str
    exchange: bool
    ends_at: int


class Leave(NamedTuple):
    """Where a browser goes: the address, and the cookie that it takes along, or None."""

    location: str
    cookie: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Login).decode


class Logins:
    """The logins of a keeper's accounts.

    Args:
        keeper: the keeper.
    """

    def __init__(self, keeper: "Keeper") -> None:
        self._keeper = keeper
        self._texts = SealedTexts(keeper.ring, _PURPOSE, _PURPOSE.encode(), keeper.clock)
        self._secure = keeper.options.origin.startswith("https:")

    async def begin(self, asked: Asked) -> Leave:
        """Return where the browser goes first: the platform's page.

        Raises:
            LingpaiError: INVALID_PARAMETER for an address that no environment of the account has listed.
        """
        keeper, app = self._keeper, f"{asked.platform.name}/{asked.account}"
        page = asked.platform.login
        if page is None or "/" in asked.account:
            raise LingpaiError(
                Kind.INVALID_PARAMETER, "Logins of this platform are not relayed.", parameter="platform"
            )
        environment = _listing(await keeper.store.list_environments(), app, asked.redirect_uri)
        if environment is None:
            raise LingpaiError(
                Kind.INVALID_PARAMETER,
                "No environment of this account has listed this address.",
                parameter="redirect_uri",
            )
        state = secrets.token_hex(_STATE_BYTES)
        ends_at = int(keeper.clock.now()) + LIFETIME
        login = _Login(app, environment.name, state, asked.redirect_uri, asked.state, asked.exchange, ends_at)
        RELAY_LOGINS.labels(app, environment.name, "begun").inc()
        cookie = (
            f"{self._cookie(state)}={self._texts.seal(_encode(login))}; Path=/; HttpOnly; SameSite=Lax; "
            f"Max-Age={LIFETIME}{'; Secure' if self._secure else ''}"
        )
        return Leave(_page_url(page, asked, f"{keeper.options.origin}/relay/{app}/return", state), cookie)

    async def finish(self, call: Call, platform: Platform, account: str, state: str, code: str) -> Leave:
        """Return where a browser goes that came back from the platform; without a code the user did not agree.

        A browser that loads this twice, as WeChat's sometimes does, goes to the same place again.

        Raises:
            LingpaiError: NOT_ALLOWED for a state that is not this browser's, or was used with another code.
        """
        keeper, app = self._keeper, f"{platform.name}/{account}"
        login = self._login_of(call, state)
        if login is None or login.app != app or login.ends_at <= keeper.clock.now():
            raise LingpaiError(
                Kind.NOT_ALLOWED,
                "This login was not begun in this browser, or it took longer than 10 minutes.",
            )
        environment = await keeper.store.find_environment(login.environment)
        if environment is None or login.redirect_uri not in environment.redirect_uris:
            raise LingpaiError(Kind.NOT_ALLOWED, "The environment does not list this address any more.")
        location = await self._once(state, code, self._location(login, code))
        RELAY_LOGINS.labels(app, environment.name, "done" if code else "denied").inc()
        return Leave(location)

    async def _once(self, state: str, code: str, location: str) -> str:
        """Return where the state leads: what it led to before, when that was with the same code.

        A browser may load the address twice at once, also at two nodes, and the first may be killed before it has
        written that down: the second waits for it.

        Raises:
            LingpaiError: NOT_ALLOWED when it was with another code; UPSTREAM_UNAVAILABLE when the first is not done.
        """
        keeper = self._keeper
        digest = keeper.digest_code(f"relayed login {state}")
        holder = keeper.lease_holder()
        ends_at = keeper.clock.now() + LIFETIME
        mark = keeper.digest_code(f"relayed code {code}").hex()
        give_up = keeper.clock.steady() + _PATIENCE
        while (
            claim := await keeper.store.claim_exchange(digest, holder, _CLAIMED_FOR, ends_at)
        ).answer is None:
            if claim.claimed:
                await keeper.store.finish_exchange(digest, holder, f"{mark} {location}", ends_at)
                return location
            if keeper.clock.steady() >= give_up:
                raise LingpaiError(
                    Kind.UPSTREAM_UNAVAILABLE,
                    "This login is being finished already; try again.",
                    retry_after=1,
                )
            await keeper.store.wait_change(_POLL)
        before, _, known = claim.answer.partition(" ")
        if before != mark:
            raise LingpaiError(Kind.NOT_ALLOWED, "This login was finished before.")
        return known

    def _login_of(self, call: Call, state: str) -> _Login | None:
        sealed = cookies_of(call).get(self._cookie(state))
        opened = None if sealed is None else self._texts.open(sealed)
        try:
            login = None if opened is None else _decode(opened)
        except msgspec.MsgspecError:  # of another release
            return None
        return login if login is not None and login.relay_state == state else None

    def _cookie(self, state: str) -> str:
        return f"{'__Host-' if self._secure else ''}lingpai-relay-{state[:_TAG]}"

    def _location(self, login: _Login, code: str) -> str:
        pairs = []
        if code:
            platform, account = login.app.split("/")
            given = self._keeper.relayed_codes.made(platform, account, code) if login.exchange else code
            if len(given) > MAX_CODE:
                raise LingpaiError(Kind.INVALID_PARAMETER, "The code is too long.", parameter="code")
            pairs.append(("code", given))
        if login.state:
            pairs.append(("state", login.state))
        joint = "&" if "?" in login.redirect_uri else "?"
        return f"{login.redirect_uri}{joint}{urlencode(pairs)}" if pairs else login.redirect_uri


def cookies_of(call: Call) -> dict[str, str]:
    """Return a request's cookies; without those of which it has two values, as another host may have set one."""
    found: dict[str, set[str]] = {}
    for pair in (call.header("cookie") or "").split(";"):
        name, _, value = pair.strip().partition("=")
        found.setdefault(name, set()).add(value)
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


def _listing(environments: Iterable[Environment], app: str, redirect_uri: str) -> Environment | None:
    """Return the first environment of an account that lists exactly this address."""
    of_app = (each for each in environments if each.app == app or each.app.startswith(f"{app}/"))
    return next((each for each in of_app if redirect_uri in each.redirect_uris), None)


def _page_url(page: LoginPage, asked: Asked, back: str, state: str) -> str:
    """Return the address of the platform's page; WeChat wants its parameters in this order."""
    scope = asked.scope or page.scope
    pairs = [
        (page.account, asked.account),
        ("redirect_uri", back),
        ("response_type", "code"),
        ("scope", scope),
        ("state", state),
    ]
    if asked.agentid:
        pairs.append(("agentid", asked.agentid))
    path = page.paths.get(scope, page.path)
    return f"{page.base_url}{path}?{urlencode(pairs)}#wechat_redirect"
