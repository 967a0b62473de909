"""The sandbox as an application of the edge: upstream calls at the root, controls under ``/_sandbox/``."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

from typing_extensions import override

from lingpai.core import wire
from lingpai.core.clock import Clock
from lingpai.core.errors import LingpaiError
from lingpai.core.hosts import Hosts
from lingpai.core.logs import structlog
from lingpai.core.trace import new_trace_id
from lingpai.design import icons
from lingpai.edge.durations import Tally
from lingpai.edge.endpoint import Answer, Application, Endpoint, Line
from lingpai.edge.endpoints import NO_STREAMS
from lingpai.edge.heads import Head
from lingpai.edge.router import NO_FIELDS, Fields
from lingpai.edge.writing import LAST_RESORT, fixed_of
from lingpai.sandbox import controls, home
from lingpai.sandbox.authorize import Authorize, QrConnect
from lingpai.sandbox.control import ControlError, Controls
from lingpai.sandbox.dispatch import PATHS, Reply, account_of, dispatch
from lingpai.sandbox.misbehave import Meeting, meet, sent
from lingpai.sandbox.options import SandboxOptions
from lingpai.sandbox.pushing import push_for_ever
from lingpai.sandbox.refusals import Refusal, refuse
from lingpai.sandbox.visits import INSTALL, Install, Visit
from lingpai.sandbox.visits import PATHS as VISIT_PATHS
from lingpai.sandbox.world import Call, Others, World

_LONGEST_BODY: Final = 32 * 2**20
_KEPT_BODY: Final = 4096
_HIDDEN: Final = frozenset(
    {
        *(
            "access_token",
            "secret",
            "corpsecret",
            "refresh_token",
            "code",
            "js_code",
            "auth_code",
            "pre_auth_code",
        ),
        *("component_access_token", "component_appsecret", "component_secret", "component_verify_ticket"),
        *("authorization_code", "authorizer_refresh_token"),
        *("suite_access_token", "suite_secret", "suite_ticket", "permanent_code", "provider_secret"),
    }
)
_HIDDEN_HEADERS: Final = frozenset({"authorization", "cookie"})
_READING: Final = frozenset({"GET", "HEAD"})
_FORM: Final = "application/x-www-form-urlencoded"
FOREIGN_HOST: Final = ControlError(
    403,
    "403 Forbidden",
    description="address the sandbox by an IP address, localhost, a name of one label, or a --name",
)
log = structlog.get_logger("lingpai.sandbox")


def _pairs(text: str) -> dict[str, str]:
    first: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        first.setdefault(name, value)
    return first


def _call(method: str, path: str, head: Head, peer: str, body: bytes) -> Call:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers.items()}
    content_type = headers.get("content-type", "")
    query = _pairs(head.query.decode("latin-1"))
    if content_type.startswith(_FORM):
        query = _pairs(body.decode("utf-8", "replace")) | query
    return Call(
        method=method,
        path=path,
        query=query,
        body=body,
        address=peer,
        content_type=content_type,
        headers=headers,
    )


def _seen(call: Call) -> dict[str, Any]:
    """Describe a call for the controls, without its tokens, secrets and codes."""
    shown = {name: "…" if name in _HIDDEN else value for name, value in call.query.items()}
    body = (
        "" if any(call.peek(name) for name in _HIDDEN) else call.body[:_KEPT_BODY].decode("utf-8", "replace")
    )
    return {
        "method": call.method,
        "path": call.path,
        "query": shown,
        "headers": {name: "…" if name in _HIDDEN_HEADERS else value for name, value in call.headers.items()},
        "body": "" if call.content_type.startswith(_FORM) else body,
    }


class SandboxEndpoint(Endpoint):
    """Answers one method of one path; see `lingpai.edge.endpoint.Endpoint`."""

    streams = declared = quick = again = False
    limits = NO_STREAMS
    tallies: Mapping[int, Tally] = MappingProxyType({})
    body_limit = _LONGEST_BODY
    body_timeout = 60.0

    def __init__(self, app: "SandboxApp", method: str, path: str) -> None:
        self._app = app
        self._method, self._path = method, path
        self.bodiless = method == "HEAD"

    @override
    def wants_body(self, _head: Head, _fields: Fields) -> bool:
        return True

    @override
    async def answer(
        self, head: Head, line: Line, _fields: Fields, body: bytes, fault: LingpaiError | None = None
    ) -> Answer:
        try:
            call = _call(self._method, self._path, head, line.peer, body)
            reply = await self._app.reply(call, line, fault, browser=head.accepts_html)
        except Exception:
            log.exception("crash", route=self._path)
            reply = LAST_RESORT
        return Answer(reply, fixed_of(reply), new_trace_id(), None)

    @override
    def answer_again(self, _value: Any) -> Answer:
        """Nothing is kept of its answers."""
        raise NotImplementedError

    @override
    def record(self, _answer: Answer, _seconds: float) -> None: ...


class SandboxApp(Application):
    """A sandbox to be served: upstream calls at the root, controls under ``/_sandbox/``.

    Args:
        world: everything that it knows.
        hosts: the names by which it may be addressed.
        others: answers the calls of further platforms.
        service_url: of the service that uses it, for its page; "" when none is known.
    """

    def __init__(
        self, world: World, hosts: Hosts, others: Others | None = None, service_url: str = ""
    ) -> None:
        self._world = world
        self._others = world.others = others
        self._service_url = service_url
        self._hosts = hosts
        self._controls = controls.controls_of(world)
        self._pages: Controls = {
            "/connect/oauth2/authorize": Authorize(world),
            "/connect/qrconnect": QrConnect(world),
            **{path: Visit(world) for path in VISIT_PATHS},
            INSTALL: Install(world),
        }
        self._pushing: asyncio.Task[None] | None = None

    @override
    def find(self, method: str, path: str) -> tuple[SandboxEndpoint, Fields]:
        return SandboxEndpoint(self, method, path), NO_FIELDS

    @override
    async def start(self) -> None:
        """The sandbox pushes from now on."""
        self._pushing = asyncio.create_task(push_for_ever(self._world))

    @override
    def end(self) -> None: ...

    @override
    async def stop(self) -> None:
        """The sandbox pushes no more, and its state is released."""
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.gather(self._pushing, return_exceptions=True)
        self._world.file.close()

    async def reply(
        self, call: Call, line: Line, fault: LingpaiError | None, *, browser: bool = False
    ) -> wire.Reply:
        """Answer one call, or let the fault that waits for it happen.

        Args:
            call: what came.
            line: the connection it came by.
            fault: why its body is none.
            browser: whether it came from a browser that asks for a page.
        """
        if not self._hosts.includes(call.headers.get("host")):  # it may be a web page's own, see `core.hosts`
            return home.forbidden(call) if browser else FOREIGN_HOST.reply()
        if call.path == controls.PUSH and call.method == "POST":
            return await controls.push(self._controls, call)
        own = self._own_answer(call, browser=browser)
        if own is not None:
            return own
        world = self._world
        account = account_of(world, call)
        world.calls.add(call.path, account, _seen(call))
        waiting = world.faults.take(call.path, account)
        if waiting is not None:
            return await meet(
                waiting, Meeting(line, call, world.rules, lambda: self._dispatch(call), self._others)
            )
        if fault is not None:
            return sent(Reply(refuse("wechat", Refusal(45002), world.clock.now(), call.address)))
        return sent(self._dispatch(call))

    def _own_answer(self, call: Call, *, browser: bool) -> wire.Reply | None:
        """Return the answer to a call that is not one of a platform's; None for all others."""
        if call.method in _READING and call.path in icons.PATHS:
            return icons.icon(call.path, call.headers.get("if-none-match"))
        if call.path in self._pages:
            return controls.answer(self._pages, call)
        if call.path.startswith(controls.PREFIX) and (call.path in self._controls or not browser):
            return controls.answer(self._controls, call)
        if not browser or call.path in PATHS or self._is_of_others(call):
            return None
        return home.home(self._world, call, self._service_url) if call.path == "/" else home.missing(call)

    def _is_of_others(self, call: Call) -> bool:
        return self._others is not None and self._others(call.method, call.path, {}) is not None

    def _dispatch(self, call: Call) -> Reply:
        answer, others = None, self._others
        if others is not None and (call.path not in PATHS or others.know(call.fields, call.headers)):
            answer = others(call.method, call.path, call.fields, call.headers)
        return dispatch(self._world, call) if answer is None else Reply(answer)


def create_app(
    options: SandboxOptions,
    clock: Clock,
    state_file: Path | None = None,
    others: Others | None = None,
    service_url: str = "",
) -> SandboxApp:
    """A sandbox, ready to be served.

    Args:
        options: rules and accounts; the app takes a copy.
        clock: the platforms' time.
        state_file: where tokens, tickets, codes, quotas and switches survive a restart, kill -9 included; None keeps
            them in memory. One process at a time.
        others: answers the calls of further platforms; returns None for a call that is not theirs.
        service_url: of the service that uses it, for its page; "" when none is known.

    Returns:
        The application. Its state is released when it is stopped.

    Raises:
        apsw.Error: the state file cannot be used.
        msgspec.DecodeError: the state file was written by another version.
    """
    return SandboxApp(World(options, clock, state_file), Hosts(options.hosts), others, service_url)
