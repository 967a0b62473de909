"""Lingpai 令牌: access tokens for open platforms, kept and issued."""

__version__ = "0.1.0"
