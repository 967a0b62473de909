"""The dialect `yzb` (seeds 000 and 001, contracts/yzb.md): login-free codes, server tokens, tickets, a JS bridge."""

from lingpai.issuer.dialects.yzb.policy import POLICY
from lingpai.issuer.dialects.yzb.routes import fallback, routes
from lingpai.issuer.dialects.yzb.shape import BRIDGE, SHAPE

__all__ = ["BRIDGE", "POLICY", "SHAPE", "fallback", "routes"]
