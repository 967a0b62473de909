"""The HTTP edge: reads requests, calls verbs, writes replies; knows no wing and no dialect."""

from lingpai.edge.app import EdgeApp, create_app
from lingpai.edge.options import EdgeOptions

__all__ = ["EdgeApp", "EdgeOptions", "create_app"]
