"""The sandbox as an ASGI app: upstream calls at the root, controls under ``/_sandbox/``."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import falcon
import falcon.asgi

from lingpai.core.clock import Clock
from lingpai.core.hosts import Hosts
from lingpai.sandbox import controls
from lingpai.sandbox.authorize import Authorize
from lingpai.sandbox.dispatch import Reply, account_of, dispatch
from lingpai.sandbox.misbehave import Meeting, meet, send
from lingpai.sandbox.options import SandboxOptions
from lingpai.sandbox.refusals import Refusal, refuse
from lingpai.sandbox.world import Call, World

_LONGEST_BODY: Final = 32 * 2**20
_KEPT_BODY: Final = 4096
_HIDDEN: Final = frozenset({"access_token", "secret", "corpsecret", "refresh_token", "code", "js_code"})
_HIDDEN_HEADERS: Final = frozenset({"authorization", "cookie"})
_FORM: Final = "application/x-www-form-urlencoded"


def _pairs(text: str) -> dict[str, str]:
    first: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        first.setdefault(name, value)
    return first


async def _read(req: falcon.asgi.Request) -> Call:
    body = await req.stream.read(_LONGEST_BODY + 1)
    content_type = req.content_type or ""
    query = _pairs(req.query_string)
    if content_type.startswith(_FORM):
        query = _pairs(body.decode("utf-8", "replace")) | query
    return Call(
        method=req.method,
        path=req.path,
        query=query,
        body=body,
        address=req.remote_addr,
        content_type=content_type,
        headers={name.lower(): value for name, value in req.headers.items()},
    )


def _seen(call: Call) -> dict[str, Any]:
    """What the controls show of a call: its tokens, secrets and codes are left out."""
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


class Upstream:
    """Everything that is not a control: the platforms themselves."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, req: falcon.asgi.Request, resp: falcon.asgi.Response | None, **_: Any) -> None:
        """Answer one call, or let the fault that waits for it happen."""
        if resp is None:  # a websocket; the platforms have none
            return
        world = self._world
        call = await _read(req)
        account = account_of(world, call)
        world.calls.add(call.path, account, _seen(call))
        fault = world.faults.take(call.path, account)
        if fault is not None:
            await meet(fault, Meeting(req, resp, world.rules, lambda: dispatch(world, call)))
        elif len(call.body) > _LONGEST_BODY:
            send(resp, Reply(refuse("wechat", Refusal(45002), world.clock.now(), call.address)))
        else:
            send(resp, dispatch(world, call))


def create_app(
    options: SandboxOptions, clock: Clock, state_file: Path | None = None
) -> falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]:
    """A sandbox, ready to be served; ``lingpai.sandbox.serve`` does that so that faults can break connections.

    Args:
        options: rules and accounts; the app takes a copy.
        clock: the platforms' time.
        state_file: where tokens, tickets, codes, quotas and switches survive a restart, kill -9 included; None keeps
            them in memory. One process at a time.

    Returns:
        The ASGI app. Its state is released at the lifespan's shutdown.

    Raises:
        apsw.Error: the state file cannot be used.
        msgspec.DecodeError: the state file was written by another version.
    """
    world = World(options, clock, state_file)
    app = falcon.asgi.App(middleware=[controls.Guard(world, Hosts(options.hosts))])
    app.req_options.strip_url_path_trailing_slash = False
    for path, resource in controls.resources(world).items():
        app.add_route(path, resource)
    app.add_route("/connect/oauth2/authorize", Authorize(world))
    app.add_sink(Upstream(world), prefix="/")
    app.add_sink(controls.unknown, prefix="/_sandbox")  # the later sink is asked first
    return app
