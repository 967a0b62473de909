"""The JS bridge of the dialect yzb: the script for apps' pages, and the window that answers it."""

from lingpai.issuer.dialects.yzb.bridge.routes import BridgePages

__all__ = ["BridgePages"]
