"""The checks of `/token` on what is spent, one function each, before anything is."""

from typing import NamedTuple

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Grant
from lingpai.issuer.dialects.oidc.policy import OFFLINE
from lingpai.issuer.dialects.oidc.resources import Target
from lingpai.issuer.lookups import LookUp


class Aim(NamedTuple):
    """The target of a token, or why it cannot be made; with the look-up of what is spent, as far as it went."""

    begun: LookUp | None
    target: Target | None = None
    refusal: LingpaiError | None = None

    def check(self) -> None:
        """Raise what was found to be wrong."""
        if self.refusal is not None:
            raise self.refusal


def scope_within_reach(scope: str | None, looked: LookUp | None) -> str | None:
    """Return the scope that a refresh asks for, without `offline_access` where that was not granted.

    Clients repeat what they asked for at first, and it is no permission of an access token (OpenID Connect Core §11).
    """
    if not scope or OFFLINE not in scope or not isinstance(looked, tuple) or looked[1] is None:
        return scope
    granted = (looked[1].grant.scope or "").split()
    if OFFLINE in granted:
        return scope
    return " ".join(word for word in scope.split(" ") if word != OFFLINE) or scope  # alone it is refused


def check_redirect(app: App, grant: Grant, given: str | None) -> None:
    """Refuse another redirect URI than the code was sent to; none at all where no PKCE says who asked.

    Raises:
        LingpaiError: WRONG_REDIRECT_URI.
    """
    if given is None:
        fits = grant.redirect_uri is None or bool(grant.challenge)
    elif grant.redirect_uri is None:  # the app had one alone
        fits = given in app.redirect_uris
    else:
        fits = given == grant.redirect_uri
    if not fits:
        raise LingpaiError(
            Kind.WRONG_REDIRECT_URI,
            "The redirect URI is not the one of the authorization request.",
            parameter="redirect_uri",
        )
