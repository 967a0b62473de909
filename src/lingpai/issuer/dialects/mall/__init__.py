"""The dialect `mall` (docs/spec/mall.md).

The OAuth 2.0 server of a mall, with open_ids and user info.
"""

from lingpai.issuer.dialects.mall.policy import POLICY, Scopes, policy
from lingpai.issuer.dialects.mall.routes import fallback, routes
from lingpai.issuer.dialects.mall.shape import STYLE, MallShape, ResourceShape

__all__ = ["POLICY", "STYLE", "MallShape", "ResourceShape", "Scopes", "fallback", "policy", "routes"]
