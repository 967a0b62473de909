"""The dialect `oidc`: OAuth 2.1 and OpenID Connect Core 1.0, as any standard client speaks them."""

from lingpai.issuer.dialects.oidc.policy import POLICY
from lingpai.issuer.dialects.oidc.routes import fallback, routes
from lingpai.issuer.dialects.oidc.shape import SHAPE, style

__all__ = ["POLICY", "SHAPE", "fallback", "routes", "style"]
