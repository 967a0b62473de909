"""`/authorize`: what is checked, in which order, and who is told (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2).

Nobody is redirected before client and redirect URI are known to be right. After that everything is told by redirect,
by the first check that fails; the checks are a table.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Wishes
from lingpai.core.wire import Call, Reply
from lingpai.issuer.authorizations import AnswerStyle, Entry, redirect, refusal
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.id_tokens import IdTokens
from lingpai.issuer.dialects.oidc.params import AuthorizeParams
from lingpai.issuer.dialects.oidc.policy import (
    ACR,
    CODE,
    OFFLINE,
    OPENID,
    PROFILE_CLAIMS,
    REFRESH,
    SCOPES,
)
from lingpai.issuer.dialects.oidc.shape import describe, front
from lingpai.issuer.oauth_errors import DENIED, INVALID_REQUEST, INVALID_SCOPE, UNAUTHORIZED
from lingpai.issuer.pkce import check_challenge
from lingpai.issuer.redirects import choose_redirect
from lingpai.issuer.verbs.apps import find_app, require_grant
from lingpai.issuer.verbs.authorization_requests import Asked

MAX_CLAIMS: Final = 2048
MAX_NONCE: Final = 512
"""Characters; both travel in the sealed request."""
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
    Kind.UNSUPPORTED_RESPONSE_TYPE: "unsupported_response_type",
    Kind.UNAUTHORIZED_CLIENT: UNAUTHORIZED,
    Kind.APP_NOT_LISTED: UNAUTHORIZED,
    Kind.INVALID_SCOPE: INVALID_SCOPE,
    Kind.ACCESS_DENIED: DENIED,
    Kind.LOGIN_REQUIRED: "login_required",
    Kind.NOT_ADDED: "consent_required",
}
"""Errors that the client is told by redirect, once it and its redirect URI are known to be right.

No others ever are.
"""
_REFUSED: Final = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
"""Parameters that ask for what there is not (OpenID Connect Core §3.1.2.6), and the errors that say so."""
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( +[\x21\x23-\x5b\x5d-\x7e]+)*\Z")
_SECONDS = re.compile(r"[0-9]{1,9}\Z")
_ZH = re.compile(r"zh\b", re.IGNORECASE)
_EN = re.compile(r"en\b", re.IGNORECASE)


class _NotSupportedError(Exception):
    """A parameter that there is not; `args` are the error and its description."""


class Authorizing:
    """The authorization endpoint of one realm.

    Args:
        issuer: the realm.
        entry: its pages.
        style: how apps are answered.
        id_tokens: knows the realm's own id_tokens again.
        prefix: what comes before `/authorize`.
    """

    def __init__(
        self, issuer: Issuer, entry: Entry, style: AnswerStyle, id_tokens: IdTokens, prefix: str
    ) -> None:
        self._issuer = issuer
        self._entry = entry
        self._style = style
        self._id_tokens = id_tokens
        self._path = prefix + "/authorize"

    async def authorize(self, params: AuthorizeParams, call: Call) -> Reply:
        """Send the browser to login and consent, or back to the client with an answer."""
        app = await self._known_app(params)
        call.caller = app.app_id
        if not params.redirect_uri and OPENID in (params.scope or "").split():
            raise LingpaiError(
                Kind.INVALID_REDIRECT_URI, "The redirect URI is missing.", parameter="redirect_uri"
            )
        uri = choose_redirect(
            app.redirect_uris, params.redirect_uri, loopback_ports=self._issuer.policy.loopback_ports
        )
        try:
            return await self._answer(params, app, call)
        except _NotSupportedError as refused:
            return refusal(self._style, uri, params.state, *refused.args)
        except LingpaiError as error:
            name = REDIRECTED.get(error.kind)
            if name is None:
                raise
            return refusal(self._style, uri, params.state, name, describe(error)[2])

    def page(self, error: LingpaiError, call: Call) -> Reply:
        """An error for a browser: the pages' words with this dialect's status."""
        return msgspec.structs.replace(self._entry.error_page(error, call), status=front(error)[0])

    async def _answer(self, params: AuthorizeParams, app: App, call: Call) -> Reply:
        for check in CHECKS:
            check(params, app)
        asked = Asked(
            redirect_uri=params.redirect_uri,
            scope=_scope(params, app),
            state=params.state,
            challenge=params.code_challenge or "",
            challenge_method=params.code_challenge_method or "",
            nonce=params.nonce or "",
            wishes=await self._wishes(params, app),
        )
        if not call.safe:  # another site's form brings no cookie; our own address does (RFC 6265bis §5.2)
            return self._by_get(params)
        if _prompts(params) == {"none"}:
            return await self._entry.answer_silently(call, app, asked)
        return await self._entry.open(call, app, asked, language=_language(params.ui_locales))

    async def _known_app(self, params: AuthorizeParams) -> App:
        if params.client_id is None:
            raise LingpaiError(Kind.INVALID_CLIENT, "No client id was given.", parameter="client_id")
        app = await find_app(self._issuer, params.client_id)
        if app.disabled:
            raise LingpaiError(Kind.UNKNOWN_APP, "There is no such app.")
        return app

    def _by_get(self, params: AuthorizeParams) -> Reply:
        given = {name: value for name, value in msgspec.structs.asdict(params).items() if value is not None}
        address = f"{self._path}?{urlencode(given)}"
        if len(address) > MAX_URL:
            raise LingpaiError(Kind.INVALID_PARAMETER, "The request is too long.")
        return redirect(address)

    async def _wishes(self, params: AuthorizeParams, app: App) -> Wishes:
        prompts = _prompts(params)
        claims = _claims(params)
        again = "login" in prompts
        return Wishes(
            max_age=0 if again else -1 if params.max_age is None else int(params.max_age),
            again=again or params.max_age == "0",
            consent=bool(prompts & {"consent", "select_account"}),
            user=await self._expected(params, claims, app),
            login=(params.login_hint or "")[:MAX_LOGIN],
            claims=tuple(name for name in PROFILE_CLAIMS if name in claims),
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


def _check_response_mode(params: AuthorizeParams, _app: App) -> None:
    if params.response_mode not in {None, "query"}:
        raise _invalid("The response mode is not known.", "response_mode")


def _check_supported(params: AuthorizeParams, _app: App) -> None:
    for name, error in _REFUSED.items():
        if getattr(params, name) is not None:
            raise _NotSupportedError(error, f"The parameter {name} is not supported.")


def _check_response_type(params: AuthorizeParams, _app: App) -> None:
    if params.response_type is None:
        raise LingpaiError(Kind.MISSING_PARAMETER, "The response type is missing.", parameter="response_type")
    if params.response_type != "code":
        raise LingpaiError(Kind.UNSUPPORTED_RESPONSE_TYPE, "There is no response type but code.")


def _check_grant(_params: AuthorizeParams, app: App) -> None:
    require_grant(app, CODE)


def _check_pkce(params: AuthorizeParams, app: App) -> None:
    given = params.code_challenge is not None or params.code_challenge_method is not None
    if given or app.public or app.client.pkce:
        check_challenge(params.code_challenge or "", params.code_challenge_method or "")


def _check_scope(params: AuthorizeParams, app: App) -> None:
    if params.scope is not None and (not _SCOPE.match(params.scope) or not _scope(params, app)):
        raise LingpaiError(
            Kind.INVALID_SCOPE, "The scope is not one that may be asked for.", parameter="scope"
        )


def _check_prompt(params: AuthorizeParams, _app: App) -> None:
    prompts = _prompts(params)
    if "none" in prompts and len(prompts) > 1:
        raise _invalid("The prompt none comes with another.", "prompt")


def _check_max_age(params: AuthorizeParams, _app: App) -> None:
    if params.max_age is not None and not _SECONDS.match(params.max_age):
        raise _invalid("The max_age is not a number of seconds.", "max_age")


def _check_nonce(params: AuthorizeParams, _app: App) -> None:
    if len(params.nonce or "") > MAX_NONCE:
        raise _invalid(f"The nonce is longer than {MAX_NONCE} characters.", "nonce")


def _check_claims(params: AuthorizeParams, _app: App) -> None:
    acr = _claims(params).get("acr")
    if not isinstance(acr, dict) or acr.get("essential") is not True:
        return
    values = acr.get("values")
    accepted = values if isinstance(values, list) else [acr.get("value", ACR)]
    if ACR not in accepted:
        raise LingpaiError(Kind.ACCESS_DENIED, "There is no such way to log in.")


CHECKS: Final[tuple[Callable[[AuthorizeParams, App], None], ...]] = (
    _check_response_mode,
    _check_supported,
    _check_response_type,
    _check_grant,
    _check_pkce,
    _check_scope,
    _check_prompt,
    _check_max_age,
    _check_nonce,
    _check_claims,
)
"""In the order in which they are told."""


def _prompts(params: AuthorizeParams) -> set[str]:
    return set((params.prompt or "").split())


def _scope(params: AuthorizeParams, app: App) -> str | None:
    """The words that may be granted; unknown ones are dropped (OpenID Connect Core §3.1.2.1).

    A request without `scope` gets the app's own words, but none that outlives the user's presence.
    """
    allowed = dict.fromkeys(app.scopes or SCOPES)
    if app.grants and REFRESH not in app.grants:
        allowed.pop(OFFLINE, None)
    if params.scope is None:
        words = [word for word in allowed if word != OFFLINE] if app.scopes else []
    else:
        words = [word for word in dict.fromkeys(params.scope.split()) if word in allowed]
    return " ".join(words) or None


def _claims(params: AuthorizeParams) -> dict[str, Any]:
    """What the id_token shall have (OpenID Connect Core §5.5).

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    if params.claims is None:
        return {}
    try:
        found = msgspec.json.decode(params.claims) if len(params.claims) <= MAX_CLAIMS else None
    except (msgspec.MsgspecError, RecursionError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise _invalid(f"The claims are not a JSON object of {MAX_CLAIMS} characters at most.", "claims")
    wanted = found.get("id_token")
    return wanted if isinstance(wanted, dict) else {}


def _language(locales: str | None) -> str:
    """The first language that the pages have, "" for none of them (OpenID Connect Core §3.1.2.1, `ui_locales`)."""
    for locale in (locales or "").split():
        if _ZH.match(locale):
            return "zh"
        if _EN.match(locale):
            return "en"
    return ""


def _invalid(reason: str, parameter: str) -> LingpaiError:
    return LingpaiError(Kind.INVALID_PARAMETER, reason, parameter=parameter)
