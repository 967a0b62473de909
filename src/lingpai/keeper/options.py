"""Options of the keeper."""

import dataclasses
from typing import Literal

from lingpai.core.hosts import Hosts


@dataclasses.dataclass(frozen=True, slots=True)
class ForwardOptions:
    """Options of forwarded calls; times in seconds, sizes in bytes."""

    body_limit: int = 64 * 1024 * 1024
    at_once: int = 64
    queue: float = 5.0
    rate: float = 1000.0
    stall: float = 30.0
    total: float = 120.0


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """Options of the keeper; times in seconds. `lingpai.settings` documents them."""

    trusted_networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    hosts: Hosts = dataclasses.field(default_factory=Hosts)
    allow_unconfigured: bool | Literal["trusted"] = "trusted"
    patience: float = 10.0
    lease: float = 20.0
    probe_every: float = 300.0
    backoff_cap: float = 60.0
    clear_apart: float = 60.0
    clears_a_day: int = 50
    report_apart: float = 30.0
    exchange_repeats: float = 30.0
    unproven_a_minute: int = 30
    unproven_by_peer_a_minute: int = 20
    unproven_by_platform_a_minute: int = 60
    tick: float = 0.25
    renewals_at_once: int = 16
    hook_networks: tuple[str, ...] = ()
    authorize_links: Literal["open", "signed"] = "open"
    origin: str = ""
    """Scheme, host and port under which browsers reach the service."""
    forward: ForwardOptions = dataclasses.field(default_factory=ForwardOptions)
