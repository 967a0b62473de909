"""The browsers that use the sample: the trail of each, and the client that acts for it."""

import aiohttp

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call
from lingpai.issuer.samples import SampleView
from lingpai.sample_app.client import Client
from lingpai.sample_app.identities import Identities, Identity
from lingpai.sample_app.rendering import nothing
from lingpai.sample_app.trails import Trail, Trails

COOKIE = "lingpai-sample"
_PATIENCE = aiohttp.ClientTimeout(total=10)


class Browsers:
    """The trails of all browsers, and the HTTP client that all share.

    Args:
        issuer_url: base URL of the issuer.
        url: base URL of the sample.
        identities: the sample's apps, by dialect.
    """

    def __init__(self, issuer_url: str, url: str, identities: Identities) -> None:
        self._issuer = issuer_url
        self._url = url
        self._ids = identities
        self._trails = Trails()
        self._http: aiohttp.ClientSession | None = None

    @property
    def http(self) -> aiohttp.ClientSession:
        """The HTTP client."""
        if self._http is None:
            raise RuntimeError("the sample is not started")
        return self._http

    async def start(self) -> None:
        """Open the HTTP client, in the loop that serves."""
        self._http = aiohttp.ClientSession(timeout=_PATIENCE)

    async def stop(self) -> None:
        """Close it."""
        if self._http is not None:
            await self._http.close()

    def identity(self, dialect: str) -> Identity:
        """Return the sample's app in a dialect.

        Raises:
            LingpaiError: NOT_FOUND.
        """
        found = self._ids.get(dialect)
        if found is None:
            raise nothing()
        return found

    def view(self, dialect: str, name: str) -> SampleView:
        """Return a further page of a dialect.

        Raises:
            LingpaiError: NOT_FOUND.
        """
        found = next((each for each in self.identity(dialect).sign_in.views if each.name == name), None)
        if found is None:
            raise nothing()
        return found

    def begin(self, view: str = "") -> tuple[tuple[str, str], Trail]:
        """Begin a new trail, maybe of a further page; return the header that names it to the browser, and the trail."""
        name, trail = self._trails.begin(view)
        return ("set-cookie", f"{COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax"), trail

    def find(self, call: Call) -> Trail | None:
        """Return the trail of a browser, None when it has none."""
        pairs = (pair.strip().partition("=") for pair in (call.header("cookie") or "").split(";"))
        return self._trails.find({name: value for name, _, value in pairs}.get(COOKIE))

    def trail(self, call: Call) -> Trail:
        """Return the trail of a browser.

        Raises:
            LingpaiError: INVALID_PARAMETER when it has none.
        """
        found = self.find(call)
        if found is None:
            raise LingpaiError(Kind.INVALID_PARAMETER, "Start at the start page.")
        return found

    def client(self, dialect: str, trail: Trail, view: str = "") -> Client:
        """Return the client that acts for a browser.

        Args:
            dialect: the dialect's name.
            trail: of the browser.
            view: name of a further page, whose app it then is.
        """
        return Client(self._issuer, self._url, dialect, self.identity(dialect), trail, self.http, view=view)
