"""`/authorize`: how a request is answered, by redirect or by a page (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2).

Nobody is redirected before client and redirect URI are known to be right. After that every error is
answered by redirect, by the first check that fails; see `authorization_checks`.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from lingpai.core.authorization_records import Wishes
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call, Reply
from lingpai.issuer.app_sources import AppSource
from lingpai.issuer.authorizations import (
    AnswerStyle,
    Entry,
    Pairs,
    answer_uri,
    redirect,
    refusal_pairs,
)
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.authorization_checks import (
    CHECKS,
    Asking,
    NotSupportedError,
    claims_of,
    may_have,
    prompts_of,
    scope_of,
    wanted_claims,
)
from lingpai.issuer.dialects.oidc.id_tokens import IdTokens
from lingpai.issuer.dialects.oidc.locales import language_of_locales
from lingpai.issuer.dialects.oidc.params import AuthorizeParams, PushedParams
from lingpai.issuer.dialects.oidc.policy import (
    OPENID,
    SCOPE_OF,
)
from lingpai.issuer.dialects.oidc.resources import Resources
from lingpai.issuer.dialects.oidc.shape import describe, front
from lingpai.issuer.oauth_errors import DENIED, INVALID_REQUEST, INVALID_SCOPE, UNAUTHORIZED
from lingpai.issuer.verbs.apps import redirect_of
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import begin_authorization
from lingpai.issuer.verbs.pushed_requests import DIGEST_BYTES, find_pushed

MAX_URL: Final = 8000
"""Characters of an address of ours: servers and proxies take 8 KiB of a request's first line."""
MAX_LOGIN: Final = 256
"""Characters of a login name that the form is filled in with."""
NOBODY: Final = -1
"""The user whom a client expects that nobody is."""

REDIRECTED: Final[Mapping[Kind, str]] = {
    Kind.MISSING_PARAMETER: INVALID_REQUEST,
    Kind.INVALID_PARAMETER: INVALID_REQUEST,
    Kind.INVALID_PKCE: INVALID_REQUEST,
    Kind.INVALID_TARGET: "invalid_target",
    Kind.UNSUPPORTED_RESPONSE_TYPE: "unsupported_response_type",
    Kind.UNAUTHORIZED_CLIENT: UNAUTHORIZED,
    Kind.APP_NOT_LISTED: UNAUTHORIZED,
    Kind.INVALID_SCOPE: INVALID_SCOPE,
    Kind.ACCESS_DENIED: DENIED,
    Kind.LOGIN_REQUIRED: "login_required",
    Kind.NOT_ADDED: "consent_required",
}
"""Errors that are redirected to the client, once it and its redirect URI are known to be right.

No others ever are.
"""


def name_of(error: LingpaiError, names: Mapping[Kind, str]) -> str | None:
    """Return the name of an error of an authorization request; None when the client is not answered with it."""
    return error.name if isinstance(error, NotSupportedError) else names.get(error.kind)


class AuthorizationEndpoint:
    """The authorization endpoint of one realm.

    Args:
        issuer: the realm.
        entry: its pages.
        style: how apps are answered.
        id_tokens: knows the realm's own id_tokens again.
        resources: its resource servers.
        prefix: what comes before `/authorize`.
        apps: finds the clients.
    """

    PUSHED: Final = "urn:ietf:params:oauth:request_uri:"
    """The beginning of `request_uri`, before the handle of a pushed request (RFC 9126 §2.2)."""

    def __init__(
        self,
        issuer: Issuer,
        entry: Entry,
        style: AnswerStyle,
        id_tokens: IdTokens,
        resources: Resources,
        *,
        prefix: str,
        apps: AppSource,
    ) -> None:
        self._apps = apps
        self._issuer = issuer
        self._entry = entry
        self._style = style
        self._id_tokens = id_tokens
        self._resources = resources
        self._path = prefix + "/authorize"

    async def authorize(self, params: AuthorizeParams, call: Call) -> Reply:
        """Send the browser to login and consent, or back to the client with an answer."""
        app = await self._known_app(params, call)
        call.caller = app.app_id
        digest, given = b"", params
        if (params.request_uri or "").startswith(self.PUSHED):
            params, digest = await self._pushed(params, app)
        uri = self.redirect_of(params, app)
        try:
            asked = msgspec.structs.replace(await self.asked(params, app), pushed=digest)
            return await self._answer(given, params, asked, app, call)
        except LingpaiError as error:
            name = name_of(error, REDIRECTED)
            if name is None:
                raise
            pairs = refusal_pairs(self._style, params.state, name, describe(error)[2])
            return self._refuse(params, app, uri, call, pairs)

    def page(self, error: LingpaiError, call: Call) -> Reply:
        """An error for a browser: the pages' words with this dialect's status."""
        return msgspec.structs.replace(self._entry.error_page(error, call), status=front(error)[0])

    def redirect_of(self, params: AuthorizeParams, app: App) -> str:
        """Return where the answer goes.

        Raises:
            LingpaiError: INVALID_REDIRECT_URI, WRONG_REDIRECT_URI.
        """
        if not params.redirect_uri and OPENID in (params.scope or "").split():
            raise LingpaiError(
                Kind.INVALID_REDIRECT_URI, "The redirect URI is missing.", parameter="redirect_uri"
            )
        return redirect_of(self._issuer, app, params.redirect_uri)

    async def check(self, params: AuthorizeParams, app: App) -> None:
        """Check a request that is pushed: it passes when a browser would be sent to the login with it.

        Raises:
            LingpaiError: of the first check that it does not pass.
        """
        self.redirect_of(params, app)
        asked = msgspec.structs.replace(await self.asked(params, app), pushed=bytes(DIGEST_BYTES))
        begin_authorization(self._issuer, app, "", asked)

    async def asked(self, params: AuthorizeParams, app: App) -> Asked:
        """Return what a request asks for, once it has passed every check.

        Raises:
            LingpaiError: of the first check that it does not pass.
        """
        asking = Asking(params, app, await self._resources.named(params.resource, app))
        for check in CHECKS:
            check(asking)
        return Asked(
            redirect_uri=params.redirect_uri,
            scope=scope_of(asking),
            audience=" ".join(resource.uri for resource in asking.resources if resource is not None),
            state=params.state,
            challenge=params.code_challenge or "",
            challenge_method=params.code_challenge_method or "",
            nonce=params.nonce or "",
            wishes=await self._wishes(asking),
        )

    def _refuse(self, params: AuthorizeParams, app: App, uri: str, call: Call, pairs: Pairs) -> Reply:
        """Send an error to the client.

        An address that nobody here has checked is not visited before the user wants it, else links to this service
        would lead anywhere (RFC 9700 §4.11.2). A frame without a page shows no address, so nobody is misled by it.
        """
        posted = params.response_mode == "form_post"
        silent = prompts_of(params) == {"none"} and call.header("sec-fetch-dest") == "iframe"
        if app.describes_itself and not silent:
            return self._entry.by_button(call, app, uri, pairs, posted=posted)
        if posted:
            return self._entry.by_form(call, uri, pairs)
        return redirect(answer_uri(uri, pairs), self._style.status)

    async def _pushed(self, params: AuthorizeParams, app: App) -> tuple[PushedParams, bytes]:
        """Return the parameters of a pushed request, and the digest of its answer."""
        handle = (params.request_uri or "").removeprefix(self.PUSHED)
        found, digest = await find_pushed(self._issuer, app, handle)
        pushed = msgspec.json.decode(found.params, type=PushedParams)
        if pushed.client_id not in {None, app.app_id}:
            raise LingpaiError(Kind.INVALID_AUTHORIZATION, "The request_uri is another client's.")
        return pushed, digest

    async def _answer(
        self, given: AuthorizeParams, params: AuthorizeParams, asked: Asked, app: App, call: Call
    ) -> Reply:
        if not call.safe:  # another site's form brings no cookie; our own address does (RFC 6265bis §5.2)
            return self._by_get(given)
        if prompts_of(params) == {"none"}:
            return await self._entry.answer_silently(call, app, asked)
        return await self._entry.open(call, app, asked, language=language_of_locales(params.ui_locales))

    async def _known_app(self, params: AuthorizeParams, call: Call) -> App:
        if params.client_id is None:
            raise LingpaiError(Kind.INVALID_CLIENT, "No client id was given.", parameter="client_id")
        app = await self._apps.find(params.client_id, call.peer)
        if app.disabled:
            raise LingpaiError(Kind.UNKNOWN_APP, "There is no such app.")
        return app

    def _by_get(self, params: AuthorizeParams) -> Reply:
        given = {name: value for name, value in msgspec.structs.asdict(params).items() if value is not None}
        address = f"{self._path}?{urlencode(given, doseq=True)}"
        if len(address) > MAX_URL:
            raise LingpaiError(Kind.INVALID_PARAMETER, "The request is too long.")
        return redirect(address)

    async def _wishes(self, asking: Asking) -> Wishes:
        params, app = asking.params, asking.app
        prompts = prompts_of(params)
        claims = claims_of(params)
        again = "login" in prompts
        scope = (scope_of(asking) or "").split()
        max_age = app.client.default_max_age if params.max_age is None else int(params.max_age)
        names = {
            member: tuple(name for name in wanted_claims(params, member) if may_have(app, name))
            for member in ("id_token", "userinfo")
            if OPENID in scope
        }
        wanted = dict.fromkeys(name for each in names.values() for name in each)
        return Wishes(
            max_age=0 if again else -1 if max_age is None else max_age,
            again=again or params.max_age == "0",
            consent=bool(prompts & {"consent", "select_account"}),
            user=await self._expected(params, claims, app),
            login=(params.login_hint or "")[:MAX_LOGIN],
            jkt=params.dpop_jkt or "",
            by_form=params.response_mode == "form_post",
            claims=names.get("id_token", ()),
            userinfo=tuple(name for name in names.get("userinfo", ()) if SCOPE_OF[name] not in scope),
            single=tuple(name for name in wanted if SCOPE_OF[name] not in scope),
        )

    async def _expected(self, params: AuthorizeParams, claims: Mapping[str, Any], app: App) -> int:
        """The row of the user whom the client expects, 0 for any (OpenID Connect Core §3.1.2.1, §5.5.1)."""
        subs = set()
        if params.id_token_hint is not None:
            sub = await self._id_tokens.hinted(params.id_token_hint, app)
            if sub is None:
                raise LingpaiError(
                    Kind.INVALID_PARAMETER,
                    "The hint is not an id_token of this client.",
                    parameter="id_token_hint",
                )
            subs.add(sub)
        wanted = claims.get("sub")
        if isinstance(wanted, dict) and isinstance(wanted.get("value"), str):
            subs.add(wanted["value"])
        if not subs:
            return 0
        found = await self._issuer.store.find_open_id(app.id, subs.pop()) if len(subs) == 1 else None
        return NOBODY if found is None else found[1].id
