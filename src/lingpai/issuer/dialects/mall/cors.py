"""Cross-origin access to the token endpoints, for apps that run in a browser (CORS, the Fetch standard).

Only public clients redeem and refresh in a browser: a secret must not be part of a page. So an answer may be read
by pages of the public client that it is for, and by no others; never with cookies, which these endpoints ignore.
"""

import asyncio
from collections.abc import Iterable

import msgspec

from lingpai.core.issuer_records import App
from lingpai.core.origins import origin_of
from lingpai.core.wire import NO_STORE, Call, Reply
from lingpai.issuer.context import Issuer
from lingpai.issuer.oauth_errors import Headers
from lingpai.issuer.origins import is_private, is_within_domains

_ANY = (NO_STORE, ("allow", "OPTIONS, POST"), ("vary", "Origin"))
_ASKED = (
    ("access-control-allow-methods", "POST"),
    ("access-control-allow-headers", "content-type, x-requested-with"),
    ("access-control-max-age", "600"),
)


class NoParams(msgspec.Struct):
    """A preflight has no parameters, only headers."""


class Cors:
    """The rules by which pages of other origins may read answers.

    Args:
        issuer: the realm.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._listing = asyncio.Lock()
        self._listed_at: int | None = None
        self._listed: tuple[App, ...] = ()

    async def preflight(self, _params: NoParams, call: Call) -> Reply:
        """Answer a preflight: allowed for the origins of all public clients, as it does not name the app."""
        origin = call.header("origin")
        if origin is not None and _may_read(origin, await self._public_apps()):
            return Reply(b"", 204, headers=(*_ANY, ("access-control-allow-origin", origin), *_ASKED))
        return Reply(b"", 204, headers=_ANY)

    async def readers(self, app_id: str, origin: str) -> Headers:
        """Return the headers that let a page of this origin read an answer for this app; none when it may not."""
        app = await self._issuer.store.find_app(self._issuer.realm, app_id)
        if app is None or not _may_read(origin, (app,)):
            return ()
        return (
            ("access-control-allow-origin", origin),
            ("access-control-expose-headers", "retry-after, trace-id"),
            ("vary", "Origin"),
        )

    async def _public_apps(self) -> tuple[App, ...]:
        """Return the realm's public clients, listed once a second at most: preflights are not authenticated."""
        async with self._listing:
            now = self._issuer.now()
            if self._listed_at != now:
                listed = await self._issuer.store.list_apps(self._issuer.realm)
                self._listed, self._listed_at = tuple(app for app in listed if app.public), now
            return self._listed


def _may_read(origin: str, apps: Iterable[App]) -> bool:
    if not is_private(origin):
        return False
    return any(
        app.public
        and not app.disabled
        and (origin in map(origin_of, app.redirect_uris) or is_within_domains(origin, app.domains))
        for app in apps
    )
