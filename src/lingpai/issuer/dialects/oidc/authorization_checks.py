"""The checks of an authorization request, in the order in which they answer, and its parts as they are read.

RFC 6749 §4.1.2.1, RFC 8707 §2, OpenID Connect Core §3.1.2.2.
"""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Resource
from lingpai.issuer.audiences import MOST_TARGETS
from lingpai.issuer.dialects.oidc.params import AuthorizeParams, PushedParams
from lingpai.issuer.dialects.oidc.policy import ACR, CODE, OFFLINE, REFRESH, SCOPE_OF, SCOPES
from lingpai.issuer.dialects.oidc.resources import invalid_target
from lingpai.issuer.pkce import check_challenge
from lingpai.issuer.verbs.apps import require_grant

PROMPTS: Final = ("none", "login", "consent", "select_account")
"""What a client may ask to be shown; the metadata lists them."""
RESPONSE_MODES: Final = ("query", "form_post")
MAX_CLAIMS: Final = 2048
MAX_NONCE: Final = 512
"""Characters; both travel in the sealed request."""
_REFUSED: Final = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",  # of a pushed request it is none any more
    "registration": "registration_not_supported",
}
"""Parameters that ask for what there is not (OpenID Connect Core §3.1.2.6), and the errors that say so."""
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( +[\x21\x23-\x5b\x5d-\x7e]+)*\Z")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_SECONDS = re.compile(r"[0-9]{1,9}\Z")


class Asking(NamedTuple):
    """An authorization request that is looked at.

    Attributes:
        params: as given.
        app: who asks.
        resources: the resource servers that it names, None for each that there is not.
    """

    params: AuthorizeParams
    app: App
    resources: tuple[Resource | None, ...] = ()


class NotSupportedError(LingpaiError):
    """A parameter that there is not.

    Attributes:
        name: of the error (OpenID Connect Core §3.1.2.6).
    """

    __slots__ = ("name",)

    def __init__(self, name: str, parameter: str) -> None:
        reason = f"The parameter {parameter} is not supported."
        super().__init__(Kind.INVALID_PARAMETER, reason, parameter=parameter)
        self.name = name


def _check_response_mode(asking: Asking) -> None:
    if asking.params.response_mode not in {None, *RESPONSE_MODES}:
        raise _invalid("The response mode is not known.", "response_mode")


def _check_supported(asking: Asking) -> None:
    for name, error in _REFUSED.items():
        if getattr(asking.params, name) is not None:
            raise NotSupportedError(error, name)


def _check_pushed(asking: Asking) -> None:
    demanded = asking.app.client.require_pushed_authorization_requests
    if demanded and not isinstance(asking.params, PushedParams):
        raise _invalid("The client has to push its requests.", "request_uri")


def _check_response_type(asking: Asking) -> None:
    if asking.params.response_type is None:
        raise LingpaiError(Kind.MISSING_PARAMETER, "The response type is missing.", parameter="response_type")
    if asking.params.response_type != "code":
        raise LingpaiError(Kind.UNSUPPORTED_RESPONSE_TYPE, "There is no response type but code.")


def _check_grant(asking: Asking) -> None:
    require_grant(asking.app, CODE)


def _check_pkce(asking: Asking) -> None:
    params, app = asking.params, asking.app
    given = params.code_challenge is not None or params.code_challenge_method is not None
    if not given and (app.public or app.client.pkce):
        reason = "The client has to send a code challenge (PKCE)."
        raise LingpaiError(Kind.INVALID_PKCE, reason, parameter="code_challenge")
    if given:
        check_challenge(params.code_challenge or "", params.code_challenge_method or "")


def check_scope(asking: Asking) -> None:
    """Refuse a scope that is malformed, or of which nothing is left.

    Raises:
        LingpaiError: INVALID_SCOPE.
    """
    scope = asking.params.scope
    if scope is not None and (not _SCOPE.match(scope) or not scope_of(asking)):
        raise LingpaiError(
            Kind.INVALID_SCOPE, "The scope is not one that may be asked for.", parameter="scope"
        )


def check_target(asking: Asking) -> None:
    """Refuse resources that there are not, or too many.

    Raises:
        LingpaiError: INVALID_TARGET.
    """
    if len(asking.params.resource) > MOST_TARGETS:
        raise invalid_target(f"More than {MOST_TARGETS} resources are named.")
    if None in asking.resources:
        raise invalid_target()


def _check_prompt(asking: Asking) -> None:
    prompts = prompts_of(asking.params)
    if "none" in prompts and len(prompts) > 1:
        raise _invalid("The prompt none comes with another.", "prompt")
    if not prompts.issubset(PROMPTS):  # Initiating User Registration via OpenID Connect 1.0
        raise _invalid("The prompt is not known.", "prompt")


def _check_max_age(asking: Asking) -> None:
    if asking.params.max_age is not None and not _SECONDS.match(asking.params.max_age):
        raise _invalid("The max_age is not a number of seconds.", "max_age")


def _check_key(asking: Asking) -> None:
    if asking.params.dpop_jkt is not None and not _THUMBPRINT.match(asking.params.dpop_jkt):
        raise _invalid("The dpop_jkt is not the thumbprint of a key.", "dpop_jkt")


def _check_nonce(asking: Asking) -> None:
    if len(asking.params.nonce or "") > MAX_NONCE:
        raise _invalid(f"The nonce is longer than {MAX_NONCE} characters.", "nonce")


def _check_claims(asking: Asking) -> None:
    acr = claims_of(asking.params).get("acr")
    if not isinstance(acr, dict) or acr.get("essential") is not True:
        return
    values = acr.get("values")
    accepted = values if isinstance(values, list) else [acr.get("value", ACR)]
    if ACR not in accepted:
        raise LingpaiError(Kind.ACCESS_DENIED, "There is no such way to log in.")


CHECKS: Final[tuple[Callable[[Asking], None], ...]] = (
    _check_response_mode,
    _check_supported,
    _check_response_type,
    _check_grant,
    _check_pushed,
    _check_pkce,
    check_scope,
    check_target,
    _check_prompt,
    _check_max_age,
    _check_key,
    _check_nonce,
    _check_claims,
)
"""In the order in which they answer."""


def prompts_of(params: AuthorizeParams) -> set[str]:
    """Return the words of `prompt`."""
    return set((params.prompt or "").split())


def scope_of(asking: Asking) -> str | None:
    """Return the words that may be granted; unknown ones are dropped (OpenID Connect Core §3.1.2.1).

    They are the app's own, or, when it has none, those of the standard and of the resource servers that it names. A
    request without `scope` gets its own or the resource servers', but none that outlives the user's presence.
    """
    params, app = asking.params, asking.app
    there = [word for resource in asking.resources if resource is not None for word in resource.scopes]
    allowed = dict.fromkeys(app.scopes or (*SCOPES, *there))
    if app.grants and REFRESH not in app.grants:
        allowed.pop(OFFLINE, None)
    if params.scope is None:
        words = [word for word in app.scopes or dict.fromkeys(there) if word in allowed and word != OFFLINE]
    else:
        words = [word for word in dict.fromkeys(params.scope.split()) if word in allowed]
    return " ".join(words) or None


def claims_of(params: AuthorizeParams, member: str = "id_token") -> dict[str, Any]:
    """Return the claims that the client wants in the id_token, or at userinfo (OpenID Connect Core §5.5).

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
    wanted = found.get(member)
    return wanted if isinstance(wanted, dict) else {}


def wanted_claims(params: AuthorizeParams, member: str) -> list[str]:
    """Return the known names of claims of the user that the client wants, in our order."""
    wanted = claims_of(params, member)
    return [name for name in SCOPE_OF if name in wanted]


def may_have(app: App, claim: str) -> bool:
    """Return whether an app may ask for a claim: it may for the scope that has it."""
    return not app.scopes or SCOPE_OF[claim] in app.scopes


def _invalid(reason: str, parameter: str) -> LingpaiError:
    return LingpaiError(Kind.INVALID_PARAMETER, reason, parameter=parameter)
