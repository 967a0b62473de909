"""Client authentication (RFC 6749 §2.3, OpenID Connect Core §9): a table of methods."""

from lingpai.issuer.dialects.oidc.clients.authentication import Clients
from lingpai.issuer.dialects.oidc.clients.methods import Caller, Presented

__all__ = ["Caller", "Clients", "Presented"]
