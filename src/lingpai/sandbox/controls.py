"""The controls under ``/_sandbox/``; a wrong request gets a 400 that says what to do."""

from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import falcon
import falcon.asgi
import msgspec

from lingpai.sandbox.faults import KINDS, Fault
from lingpai.sandbox.handles import Handle, Handles
from lingpai.sandbox.minting import MintCode, mint
from lingpai.sandbox.options import Rules
from lingpai.sandbox.world import Mark, World

_T = TypeVar("_T")
_JSON: Final = "application/json"
_ADDRESS_WORDS: Final = {"confirm": ("confirmed", 10 * 365 * 86400.0), "refuse": ("refused", 3600.0)}
_REFUSED_TWICE: Final = ("refused twice", 86400.0)


class TokenGiven(msgspec.Struct, forbid_unknown_fields=True):
    """The access token or ticket to kill."""

    access_token: str = ""
    ticket: str = ""


class AddressAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """The administrator's answer about a new address; ``answer`` is ``confirm`` or ``refuse``."""

    account: str
    address: str
    answer: str


class UserChange(msgspec.Struct, forbid_unknown_fields=True):
    """Switches of one user; None leaves one as it is."""

    account: str
    user: str = "alice"
    blocked: bool | None = None
    subscribed: bool | None = None
    password_changed: bool = False


def _wrong(message: str) -> falcon.HTTPBadRequest:
    return falcon.HTTPBadRequest(title="this control cannot be used so", description=message)


async def _body(req: falcon.asgi.Request, kind: type[_T]) -> _T:
    raw = await req.stream.read(2**20)
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _wrong(f"send a JSON object: {error}") from None


def _send(resp: falcon.asgi.Response, answer: Any) -> None:
    resp.data = msgspec.json.encode(answer)
    resp.content_type = _JSON


class Guard:
    """Middleware: refuses controls that a web page of another site sends, and closes the state at the end."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def process_request(self, req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        """Refuse a control with a foreign ``Origin``.

        Raises:
            falcon.HTTPForbidden: the request comes from another site's page.
        """
        origin = req.get_header("Origin")
        if req.path.startswith("/_sandbox") and origin and urlsplit(origin).netloc != req.netloc:
            raise falcon.HTTPForbidden(description="controls are not for other sites' pages")

    async def process_shutdown(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        """The server stops."""
        self._world.shelf.close()


class _Control:
    def __init__(self, world: World) -> None:
        self.world = world


class CallsControl(_Control):
    """``/_sandbox/calls``: how often what was called, by path and account."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The counts, of one ``path`` or ``account`` if given."""
        path, account = req.get_param("path"), req.get_param("account", default=None)
        _send(resp, self.world.calls.report(path, account))

    async def on_delete(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Count from nothing again."""
        self.world.calls.reset()
        _send(resp, self.world.calls.report())


class ReceivedControl(_Control):
    """``/_sandbox/received``: the last calls as they came, without tokens and secrets."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The calls, of one ``path`` if given, the oldest first."""
        _send(resp, {"received": self.world.calls.received(req.get_param("path"))})


class FaultsControl(_Control):
    """``/_sandbox/faults``: what the next calls meet."""

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The faults that wait, and the kinds there are."""
        _send(resp, {"faults": self.world.faults.waiting, "kinds": KINDS})

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Add one; see ``Fault``."""
        self.world.faults.waiting.append(await _body(req, Fault))
        await self.on_get(req, resp)

    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Drop all."""
        self.world.faults.waiting.clear()
        await self.on_get(req, resp)


class CodesControl(_Control):
    """``/_sandbox/codes``: a user logs in."""

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Mint a login code; see ``MintCode``."""
        wanted = await _body(req, MintCode)
        try:
            _send(resp, mint(self.world, wanted))
        except ValueError as error:
            raise _wrong(str(error)) from None


def _found(handles: Handles, value: str, name: str) -> Handle:
    handle = handles.get(value)
    if handle is None:
        raise _wrong(f"no such {name}: give one that this sandbox handed out")
    return handle


class ValidControl(_Control):
    """``/_sandbox/valid``: whether a token or ticket lives."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Of ``access_token`` or ``ticket``: ``valid``, ``account``, ``family``, ``expires_in``."""
        token, ticket = req.get_param("access_token"), req.get_param("ticket")
        if not (token or ticket):
            raise _wrong("give ?access_token= or ?ticket=")
        handles = self.world.tokens if token else self.world.tickets
        handle = handles.get(token or ticket or "")
        if handle is None:
            _send(resp, {"valid": False, "account": "", "family": "", "expires_in": 0})
            return
        _send(
            resp,
            {
                "valid": handles.remaining(handle) > 0,
                "account": handle.account,
                "family": handle.family,
                "agentid": handle.agentid,
                "expires_in": handles.expires_in(handle),
            },
        )


class KillControl(_Control):
    """``/_sandbox/kill``: ends a token or ticket early, as a platform may."""

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """End ``access_token`` or ``ticket`` now."""
        given = await _body(req, TokenGiven)
        if given.ticket:
            self.world.tickets.kill(_found(self.world.tickets, given.ticket, "ticket"))
        else:
            self.world.tokens.kill(_found(self.world.tokens, given.access_token, "access_token"))
        _send(resp, {"killed": True})


class AccountsControl(_Control):
    """``/_sandbox/accounts``: who exists, and their switches."""

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """All apps and corps, secrets included: they are this sandbox's own."""
        accounts = self.world.accounts
        _send(resp, {"apps": list(accounts.apps.values()), "corps": list(accounts.corps.values())})

    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Add an account or set its fields: ``{"account": …, …}``; see ``WechatApp``, ``WecomCorp``, ``WecomAgent``."""
        fields = await _body(req, dict[str, Any])
        account = fields.pop("account", "") or fields.pop("appid", "") or fields.pop("corpid", "")
        try:
            _send(resp, self.world.accounts.change(str(account), fields))
        except (ValueError, TypeError) as error:
            raise _wrong(str(error)) from None

    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Back to the accounts given at the start."""
        self.world.accounts.reset()
        await self.on_get(req, resp)


class AddressesControl(_Control):
    """``/_sandbox/addresses``: the administrator's answer to 89503."""

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Confirm or refuse an address; a second refusal within a day lasts a day."""
        given = await _body(req, AddressAnswer)
        if given.answer not in _ADDRESS_WORDS or given.account not in self.world.accounts.apps:
            raise _wrong('give a known "account", an "address", and as "answer" confirm or refuse')
        key = f"address|{given.account}|{given.address}"
        before = self.world.marks.get(key)
        count = (before.count if before else 0) + 1 if given.answer == "refuse" else 0
        word, seconds = _ADDRESS_WORDS[given.answer] if count < 2 else _REFUSED_TWICE  # noqa: PLR2004 - "twice"
        self.world.marks.put(key, Mark(ends=self.world.until(seconds), text=word, count=count))
        _send(resp, {"address": given.address, "state": word})


class UsersControl(_Control):
    """``/_sandbox/users``: switches of a user."""

    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Block a user (40226), let them unfollow, or change their password (42007)."""
        given = await _body(req, UserChange)
        account = self.world.accounts.find(given.account)
        if account is None:
            raise _wrong('give a known "account"')
        user = self.world.people.user(given.account, given.user, getattr(account, "open_platform", ""))
        user.blocked = user.blocked if given.blocked is None else given.blocked
        user.subscribed = user.subscribed if given.subscribed is None else given.subscribed
        self.world.people.keep(user)
        broken = (
            self.world.people.password_changed(given.account, given.user) if given.password_changed else 0
        )
        _send(resp, msgspec.to_builtins(user) | {"grants_broken": broken})


class OptionsControl(_Control):
    """``/_sandbox/options``: the rules' numbers."""

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """All of them as they are now."""
        _send(resp, {name: getattr(self.world.rules, name) for name in Rules.__struct_fields__})

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Change some, until the restart; what was already handed out keeps its end."""
        given = await _body(req, dict[str, Any])
        now = {name: getattr(self.world.rules, name) for name in Rules.__struct_fields__}
        try:
            self.world.rules = msgspec.convert(now | given, Rules)
        except msgspec.ValidationError as error:
            raise _wrong(str(error)) from None
        await self.on_get(req, resp)


_RESOURCES: Final[dict[str, type[_Control]]] = {
    "/_sandbox/calls": CallsControl,
    "/_sandbox/received": ReceivedControl,
    "/_sandbox/faults": FaultsControl,
    "/_sandbox/codes": CodesControl,
    "/_sandbox/valid": ValidControl,
    "/_sandbox/kill": KillControl,
    "/_sandbox/force_refresh": KillControl,
    "/_sandbox/accounts": AccountsControl,
    "/_sandbox/addresses": AddressesControl,
    "/_sandbox/users": UsersControl,
    "/_sandbox/options": OptionsControl,
}


def resources(world: World) -> dict[str, _Control]:
    """The controls of ``world`` by path."""
    return {path: control(world) for path, control in _RESOURCES.items()}


async def unknown(req: falcon.asgi.Request, resp: falcon.asgi.Response | None, **_: Any) -> None:  # noqa: ARG001 - falcon's shape
    """No such control: 404, with those that there are."""
    if resp is None:  # a websocket
        return
    resp.status = falcon.HTTP_404
    _send(resp, {"title": "no such control", "controls": sorted(_RESOURCES)})
