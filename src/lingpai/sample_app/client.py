"""The sample as a client of one realm, over the issuer's public HTTP routes, for one browser."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
from typing_extensions import override

from lingpai.issuer.samples import SampleClient
from lingpai.sample_app.identities import Identity, address_of, callback
from lingpai.sample_app.trails import Trail, call


class Client(SampleClient):
    """See `lingpai.issuer.samples.SampleClient`.

    Args:
        issuer_url: base URL of the issuer.
        url: base URL of the sample.
        dialect: the dialect's name.
        identity: the sample's app.
        trail: of the browser.
        http: the HTTP client.
        view: name of a further page, whose app it then is.
    """

    def __init__(
        self,
        issuer_url: str,
        url: str,
        dialect: str,
        identity: Identity,
        trail: Trail,
        http: aiohttp.ClientSession,
        *,
        view: str = "",
    ) -> None:
        self.app_id, self.secret = identity.views[view] if view else (identity.app_id, identity.secret)
        self.page = address_of(url, dialect, view) if view else f"{url}/{dialect}"
        self.redirect_uri = self.page if view else callback(url, dialect)
        self.home = url + "/"
        self.url = issuer_url + identity.prefix
        self.notes = trail.notes
        self._kept_as = f"{dialect}/{view}" if view else dialect
        self._sign_in = identity.sign_in
        self._trail = trail
        self._http = http

    @property
    def refresh_token(self) -> str:
        """The newest refresh token; "" before the first."""
        return self._trail.tokens.get(self._kept_as, "")

    @refresh_token.setter
    def refresh_token(self, token: str) -> None:
        self._trail.tokens[self._kept_as] = token

    def start(self) -> str:
        """Return the authorization URL; `state` binds the response to this browser."""
        self._trail.state = secrets.token_hex(16)
        query = {
            "response_type": "code",
            "client_id": self.app_id,
            "redirect_uri": self.redirect_uri,
            "state": self._trail.state,
            **self._sign_in.parameters(self),
        }
        url = self.url + self._sign_in.authorize
        self._trail.add_browser_request("浏览器前往授权页 The browser goes to ask", "GET", url, query)
        return f"{url}?{urlencode(query)}"

    @override
    async def send(
        self,
        title: str,
        path: str,
        params: Mapping[str, str],
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        return await call(
            self._http, self._trail, title, method, self.url + path, dict(params), headers=headers
        )

    @override
    def show(self, title: str, value: Any) -> None:
        self._trail.add_finding(title, value)
