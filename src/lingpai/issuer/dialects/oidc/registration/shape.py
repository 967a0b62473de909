"""How registrations are answered: errors by the names of RFC 7591 §3.2.2, and refused tokens by RFC 6750 §3."""

from typing import Final

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply
from lingpai.issuer.dialects.oidc.shape import CORS, UNSTORED, OidcShape, describe
from lingpai.issuer.oauth_errors import ErrorBody, challenge, permitted

HEADERS: Final = UNSTORED + CORS
METADATA: Final = "invalid_client_metadata"
REDIRECT: Final = "invalid_redirect_uri"
_OF_FIELDS: Final = frozenset({Kind.INVALID_PARAMETER, Kind.MISSING_PARAMETER, Kind.REPEATED_PARAMETER})
"""Errors of the edge, which reads the metadata."""
_REDIRECTS: Final = frozenset({"redirect_uri", "redirect_uris"})

_encode = msgspec.json.Encoder().encode


class RegistrationShape(OidcShape):
    """Answers to clients that register.

    Args:
        realm: named in the challenge.
    """

    challenges = ()

    def __init__(self, realm: str) -> None:
        super().__init__(CORS)
        self._realm = permitted(realm)

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        reply = super().error(error, trace_id)
        status, name, text = describe(error)
        if error.kind is Kind.MISSING_PARAMETER and not error.parameter:  # no token came
            status, header = challenge(self._realm, error, (401, name, text))
            return self._reply(reply, status, "invalid_token", text, header)
        if status == 401:  # noqa: PLR2004
            status, header = challenge(self._realm, error, (status, name, text))
            return self._reply(reply, status, name, text, header)
        if error.kind is Kind.INVALID_REDIRECT_URI or error.kind in _OF_FIELDS or name == METADATA:
            name = REDIRECT if error.parameter in _REDIRECTS else METADATA
            return self._reply(reply, 400, name, text)
        return reply

    def _reply(self, reply: Reply, status: int, name: str, text: str, header: str = "") -> Reply:
        about = (("www-authenticate", header),) if header else ()
        body = _encode(ErrorBody(name, text))
        return msgspec.structs.replace(reply, status=status, body=body, headers=reply.headers + about)
