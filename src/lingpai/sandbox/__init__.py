"""The sandbox: a server that behaves as the upstream platforms do, so that everything can be tried offline.

It imitates the WeChat and WeCom server APIs with their lifetimes, overlaps, quotas and refusals, and adds controls
under ``/_sandbox/`` that count calls, inject faults, mint login codes and switch accounts.
"""

from lingpai.sandbox.app import create_app
from lingpai.sandbox.options import (
    SAMPLE_AGENT,
    SAMPLE_APP,
    SAMPLE_COMPONENT,
    SAMPLE_CONTACTS,
    SAMPLE_CORP,
    SAMPLE_MINI,
    SAMPLE_SUITE,
    SandboxOptions,
    WechatApp,
    WechatComponent,
    WecomAgent,
    WecomCorp,
    WecomSuite,
)
from lingpai.sandbox.serve import serve

__all__ = [
    "SAMPLE_AGENT",
    "SAMPLE_APP",
    "SAMPLE_COMPONENT",
    "SAMPLE_CONTACTS",
    "SAMPLE_CORP",
    "SAMPLE_MINI",
    "SAMPLE_SUITE",
    "SandboxOptions",
    "WechatApp",
    "WechatComponent",
    "WecomAgent",
    "WecomCorp",
    "WecomSuite",
    "create_app",
    "serve",
]
