"""The dialect `yzb` (docs/spec/yzb.md): login-free codes, server tokens, tickets, a JS bridge."""

from lingpai.issuer.dialects.yzb.policy import POLICY
from lingpai.issuer.dialects.yzb.routes import fallback, routes
from lingpai.issuer.dialects.yzb.shape import BRIDGE, SHAPE

__all__ = ["BRIDGE", "POLICY", "SHAPE", "fallback", "routes"]
