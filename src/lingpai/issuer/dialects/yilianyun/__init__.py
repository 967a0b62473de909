"""The dialect `yilianyun` (docs/spec/yilianyun.md): signed calls, and tokens per terminal of a merchant."""

from lingpai.issuer.dialects.yilianyun.policy import POLICY
from lingpai.issuer.dialects.yilianyun.routes import fallback, routes
from lingpai.issuer.dialects.yilianyun.shape import SHAPE, STYLE, YilianyunShape

__all__ = ["POLICY", "SHAPE", "STYLE", "YilianyunShape", "fallback", "routes"]
