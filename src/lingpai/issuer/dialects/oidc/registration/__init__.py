"""Dynamic registration of clients, and its management (RFC 7591, RFC 7592)."""

from lingpai.issuer.dialects.oidc.registration.endpoint import RegistrationEndpoint
from lingpai.issuer.dialects.oidc.registration.routes import registration_routes

__all__ = ["RegistrationEndpoint", "registration_routes"]
