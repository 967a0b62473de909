"""The sample as a web app: pages, callbacks, and the trail of its requests."""

import hmac
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import aiohttp
import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.templates import template
from lingpai.core.wire import JSON, NO_STORE, Call, Reply, Route, Source
from lingpai.edge.app import EdgeApp, create_app
from lingpai.sample_app.flows import Flows
from lingpai.sample_app.identities import Identities
from lingpai.sample_app.trails import Trail, Trails

COOKIE = "lingpai-sample"
HTML = "text/html; charset=utf-8"
_PACKAGE = "lingpai.sample_app"
_PATIENCE = aiohttp.ClientTimeout(total=10)


class NoParams(msgspec.Struct):
    """A route without parameters."""


class RealmParams(msgspec.Struct):
    """A route of a realm."""

    realm: str


class CallbackParams(msgspec.Struct):
    """The authorization response."""

    realm: str
    code: str = ""
    state: str = ""
    error: str = ""
    error_description: str = ""


class CodeParams(msgspec.Struct):
    """The code that the page got from the bridge."""

    code: str


class _Plain:
    """Errors of the sample itself, as a line of text."""

    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id
        return Reply(msgspec.json.encode(value), 200, JSON)

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        status = 404 if error.kind is Kind.NOT_FOUND else 400
        return Reply(f"{error.reason} ({trace_id})\n".encode(), status, "text/plain; charset=utf-8")


class Sample:
    """The verbs of the sample.

    Args:
        issuer_url: base URL of the issuer.
        url: base URL of the sample.
        identities: its apps, by dialect.
        users: login names and passwords to try with.
    """

    def __init__(
        self, issuer_url: str, url: str, identities: Identities, users: Sequence[tuple[str, str]]
    ) -> None:
        self._users = users
        self._issuer = issuer_url
        self._url = url
        self._ids = identities
        self._trails = Trails()
        self._http: aiohttp.ClientSession | None = None
        self._flows: Flows | None = None

    async def start(self) -> None:
        """Open the client, in the loop that serves."""
        self._http = aiohttp.ClientSession(timeout=_PATIENCE)
        self._flows = Flows(self._issuer, self._url, self._ids, self._http)

    async def stop(self) -> None:
        """Close the client."""
        if self._http is not None:
            await self._http.close()

    @property
    def flows(self) -> Flows:
        """The back end; it exists while the app is served."""
        if self._flows is None:
            raise RuntimeError("the sample is not started")
        return self._flows

    async def home(self, _params: NoParams, _call: Call) -> Reply:
        """Show the list of sign-ins."""
        return self._page("home", ids=self._ids, users=self._users)

    async def begin(self, params: RealmParams, _call: Call) -> Reply:
        """Begin a new trail, and redirect to the issuer."""
        name, trail = self._trails.begin()
        if params.realm not in self.flows.authorize or params.realm not in self._ids:
            raise LingpaiError(Kind.NOT_FOUND, "There is no such sample.")
        location = self.flows.start(params.realm, trail)
        cookie = f"{COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax"
        return Reply(b"", 303, HTML, (NO_STORE, ("location", location), ("set-cookie", cookie)))

    async def callback(self, params: CallbackParams, call: Call) -> Reply:
        """Handle the authorization response; its state must be that of this browser's request."""
        trail = self._trail(call)
        if not trail.state or not hmac.compare_digest(trail.state.encode(), params.state.encode()):
            raise LingpaiError(
                Kind.INVALID_PARAMETER, "This answer does not belong to a request of this browser."
            )
        trail.state = ""
        answer = msgspec.structs.asdict(params)
        given = {name: value for name, value in answer.items() if value and name != "realm"}
        url = f"{self._url}/{params.realm}/callback"
        trail.add_browser_request("浏览器带回结果 The browser brings the answer", "GET", url, given)
        if params.code:
            await self.flows.finish[params.realm](trail, params.code)
        return _see("/trail/" + params.realm)

    async def refresh(self, params: RealmParams, call: Call) -> Reply:
        """Renew the tokens."""
        trail = self._trail(call)
        if params.realm not in trail.tokens:
            raise LingpaiError(Kind.INVALID_PARAMETER, "Nothing to refresh yet.")
        await self.flows.refresh[params.realm](trail)
        return _see("/trail/" + params.realm)

    async def trail(self, params: RealmParams, call: Call) -> Reply:
        """Show the trail."""
        trail = self._trail(call)
        return self._page("trail", realm=params.realm, trail=trail, refreshes=params.realm in trail.tokens)

    async def yzb(self, _params: NoParams, _call: Call) -> Reply:
        """Show the page that uses the bridge."""
        if "yzb" not in self._ids:
            raise LingpaiError(Kind.NOT_FOUND, "There is no such sample.")
        name, trail = self._trails.begin()
        signed = await self.flows.sign_page(trail)
        base = self._issuer + self._ids["yzb"].prefix
        reply = self._page("yzb", base=base, signed=msgspec.json.encode(signed).decode(), trail=trail)
        cookie = ("set-cookie", f"{COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax")
        return msgspec.structs.replace(reply, headers=(*reply.headers, cookie))

    async def yzb_code(self, params: CodeParams, call: Call) -> dict[str, str]:
        """Handle the code that the page got from the bridge."""
        trail = self._trail(call)
        trail.add_browser_request(
            "页面交来授权码 The page passes the code on",
            "POST",
            f"{self._url}/yzb/code",
            {"code": params.code},
        )
        await self.flows.finish_yzb(trail, params.code)
        return {"trail": "/trail/yzb"}

    def _trail(self, call: Call) -> Trail:
        pairs = (pair.strip().partition("=") for pair in (call.header("cookie") or "").split(";"))
        trail = self._trails.find({name: value for name, _, value in pairs}.get(COOKIE))
        if trail is None:
            raise LingpaiError(Kind.INVALID_PARAMETER, "Start at the start page.")
        return trail

    def _page(self, name: str, **context: Any) -> Reply:
        body = template(_PACKAGE, "templates", f"{name}.html.j2").render(issuer=self._issuer, **context)
        rules = (
            f"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'self'; "
            f"script-src 'self' {self._issuer}; connect-src 'self' {self._issuer}; form-action 'self'"
        )
        headers = (
            NO_STORE,
            ("content-security-policy", rules),
            ("cross-origin-opener-policy", "unsafe-none"),
        )
        return Reply(body.encode(), 200, HTML, headers)


def sample_app(
    issuer_url: str, url: str, identities: Identities, users: Sequence[tuple[str, str]]
) -> EdgeApp:
    """Return the sample as a web app.

    Args:
        issuer_url: base URL of the issuer.
        url: base URL under which browsers reach the sample.
        identities: whom it plays; `allow_callbacks` lets the answers come here.
        users: login names and passwords to try with.
    """
    sample, shape = Sample(issuer_url, url, identities, users), _Plain()
    table = (
        ("GET", "/", NoParams, Source.QUERY, sample.home, "What there is to try"),
        ("GET", "/yzb", NoParams, Source.QUERY, sample.yzb, "A page that uses the JS bridge"),
        ("POST", "/yzb/code", CodeParams, Source.URLENCODED, sample.yzb_code, "A code of the bridge"),
        ("GET", "/{realm}/start", RealmParams, Source.PATH, sample.begin, "Sign in"),
        (
            "GET",
            "/{realm}/callback",
            CallbackParams,
            Source.PATH | Source.QUERY,
            sample.callback,
            "The answer",
        ),
        ("POST", "/{realm}/refresh", RealmParams, Source.PATH, sample.refresh, "Renew tokens"),
        ("GET", "/trail/{realm}", RealmParams, Source.PATH, sample.trail, "What happened"),
        ("GET", "/sample.css", NoParams, Source.QUERY, _file("sample.css", "text/css"), "Style"),
        ("GET", "/sample.js", NoParams, Source.QUERY, _file("sample.js", "text/javascript"), "Script"),
    )
    routes = [
        Route((method,), path, params, sources, verb, shape, summary, Reply, "sample")
        for method, path, params, sources, verb, summary in table
    ]
    return create_app(routes, (("", shape),), on_start=(sample.start,), on_stop=(sample.stop,))


def _see(path: str) -> Reply:
    return Reply(b"", 303, HTML, (NO_STORE, ("location", path)))


def _file(name: str, kind: str) -> Any:
    content = (files(__package__) / name).read_bytes()

    async def show(_params: NoParams, _call: Call) -> Reply:
        return Reply(content, 200, f"{kind}; charset=utf-8", (("cache-control", "no-cache"),))

    return show
