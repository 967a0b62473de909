"""The declaration of a dialect for `lingpai dev`: sample apps, and how the sample web app signs users in."""

import dataclasses
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from lingpai.core.issuer_records import App
from lingpai.core.user_records import User
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer

LANDING = "/docs"
"""The path that codes are sent to: a page of the service, on any port; the browser's address shows the code."""

Values = Mapping[str, str]
"""Ids and secrets, by their names in `samples.json`."""
Document = Mapping[str, Mapping[str, str]]
"""Sample apps as `dev.json` shows them: by name, each a table of texts."""


class SampleRealm(NamedTuple):
    """A realm that gets samples.

    Attributes:
        issuer: its verbs.
        owner: a sample user.
        values: the ids and secrets of the samples.
        redirect_uri: where codes are sent.
        app_url: base URL of the sample web app at this start, "" when none runs.
    """

    issuer: Issuer
    owner: User
    values: Values
    redirect_uri: str
    app_url: str = ""

    async def add(self, app: App, secret: str) -> None:
        """Add an app as an operator would; of an existing one only the redirect URI changes."""
        known = await self.issuer.store.find_app(self.issuer.realm, app.app_id)
        if known is None:
            await admin.declare_app(self.issuer, app, secret)
            return
        others = tuple(uri for uri in known.redirect_uris if not uri.endswith(LANDING))
        # The port may differ from that of the last start.
        await admin.change_app(self.issuer, known, redirect_uris=(*app.redirect_uris, *others))


class SampleClient(Protocol):
    """The sample web app as a client of one realm, with the tokens and notes of one browser.

    Attributes:
        app_id: its id.
        secret: its secret.
        redirect_uri: its redirect URI.
        page: the address of its page in this dialect.
        home: the address of the sample web app's start page.
        url: the address of the realm's paths.
        refresh_token: the newest; "" before the first.
        notes: what a sign-in has to remember from its beginning to its end, such as a code verifier. The parameters of
            the authorization response are in it by their names, behind "answer:".
    """

    app_id: str
    secret: str
    redirect_uri: str
    page: str
    home: str
    url: str
    notes: dict[str, str]

    @property
    def refresh_token(self) -> str:
        """The newest refresh token."""
        ...

    @refresh_token.setter
    def refresh_token(self, token: str) -> None: ...

    async def send(
        self,
        title: str,
        path: str,
        params: Mapping[str, str],
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request to the realm, show it with its answer, and return the answer's JSON.

        Args:
            title: what it is for, in Chinese and English.
            path: after the realm's prefix.
            params: the query of a GET, the form of a POST.
            method: GET or POST.
            headers: besides those of any request.

        Raises:
            aiohttp.ClientError: the service cannot be reached, or its answer is not JSON.
        """
        ...

    def show(self, title: str, value: Any) -> None:
        """Show what the client did by itself, such as the check of a signature.

        Args:
            title: see `send`.
            value: what came of it, as JSON has it; secrets are masked.
        """
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplePage:
    """A page that signs in by a script, without redirects; it posts the code to its own address and `/code`.

    Attributes:
        markup: returns the inner HTML for a new visitor; the argument `script` is the address of `script`.
        script: JavaScript.
    """

    markup: Callable[[SampleClient, str], Awaitable[str]]
    script: bytes


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleView:
    """A further way in which the sample web app signs users in, on a page of its own.

    Attributes:
        name: the last segment of its address, after the dialect's.
        about: Chinese and English, for the start page.
        button: the same.
        app: names of the id of the app among the samples' values, and of its secret, "" for a public client.
        markup: returns the inner HTML; the argument `script` is the address of `script`.
        script: a JavaScript module.
        redirects: whether the page is a redirect URI of the app.
        actions: what the buttons `action` of its forms do, by their values; each returns whether the sign-in is over.
    """

    name: str
    about: tuple[str, str]
    button: tuple[str, str]
    app: tuple[str, str]
    markup: Callable[[SampleClient, str], str]
    script: bytes
    redirects: bool = False
    actions: Mapping[str, Callable[[SampleClient], Awaitable[bool]]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleServer:
    """A resource server of the sample web app: the tools of a small MCP server, for who has an access token.

    Attributes:
        app: name of the sample app that `dev.json` has its address with.
        path: its path at the sample web app.
        scope: what a token needs.
        words: what that lets an app do, by language, for the consent page.
    """

    app: str
    path: str
    scope: str
    words: Mapping[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignIn:
    """The sign-in of the sample web app.

    Attributes:
        about: Chinese and English, for the start page.
        button: the same.
        app: names of the id and the secret of the app among the samples' values.
        finish: exchanges the code.
        authorize: path of the authorization endpoint, after the realm's prefix.
        parameters: returns parameters of the authorization request besides `response_type`, `client_id`,
            `redirect_uri` and `state`.
        refresh: uses the client's refresh token.
        logout: returns where the browser logs out, "" while it cannot.
        page: instead of redirects.
        views: further ways.
        server: takes this dialect's access tokens.
    """

    about: tuple[str, str]
    button: tuple[str, str]
    app: tuple[str, str]
    finish: Callable[[SampleClient, str], Awaitable[None]]
    authorize: str = ""
    parameters: Callable[[SampleClient], Mapping[str, str]] = lambda _client: {}
    refresh: Callable[[SampleClient], Awaitable[None]] | None = None
    logout: Callable[[SampleClient], str] = lambda _client: ""
    page: SamplePage | None = None
    views: tuple[SampleView, ...] = ()
    server: SampleServer | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Samples:
    """Sample apps of a dialect.

    Attributes:
        values: makes an id or a secret at the first start, by its name in `samples.json`, which no other dialect has.
        add: adds the apps to a realm, as an operator would.
        describe: returns the apps for `dev.json`; the arguments are the values, the realm's address and the redirect
            URI.
        variables: where the value of each variable of `dev.env` is: name of the app, and of the value.
        call: returns a command that works when pasted; the arguments are what `describe` returned and the realm's
            address.
        sign_in: how the sample web app signs in; None when it does not.
        settings: settings of the dialect's own that the realm with the samples gets, unless it has others.
    """

    values: Mapping[str, Callable[[], str]]
    add: Callable[[SampleRealm], Awaitable[None]]
    describe: Callable[[Values, str, str], Document]
    variables: Mapping[str, tuple[str, str]]
    call: Callable[[Document, str], str]
    sign_in: SignIn | None = None
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def digits(count: int) -> str:
    """Return a random number of this many digits."""
    return str(10 ** (count - 1) + secrets.randbelow(9 * 10 ** (count - 1)))


def secret() -> str:
    """Return a random secret of 40 hexadecimal digits."""
    return secrets.token_hex(20)
