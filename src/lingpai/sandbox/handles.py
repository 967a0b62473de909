"""Tokens and tickets: values with an end, each in a line of succession."""

import secrets
from typing import Final, Literal

from lingpai.core.clock import Clock, End, end_after
from lingpai.sandbox.state import Row, Table

Family = Literal[
    "classic",
    "stable",
    "wecom",
    "jsapi",
    "wx_card",
    "agent_config",
    "component",
    "authorizer",
    "suite",
    "provider",
]
Fate = Literal["live", "expired", "replaced"]

_MOST_LIVE: Final = 2
_INSTANT: Final = 0.05
_LEAST_REST: Final = 1
# Characters as seen on the real ones: tokens of 130 to 210, tickets of 86; the platforms ask to reserve 512.
_BYTES: Final[dict[Family, int]] = {
    "classic": 99,
    "stable": 99,
    "wecom": 160,
    "jsapi": 64,
    "wx_card": 64,
    "agent_config": 64,
    "component": 99,
    "authorizer": 99,
    "suite": 99,
    "provider": 99,
}


_BARE: Final = frozenset({"wecom", "jsapi", "wx_card", "agent_config", "suite", "provider"})


class Handle(Row):
    """A token or ticket; ``ends`` may be moved ahead of ``natural_end``, never behind it."""

    value: str
    line: str
    family: Family
    account: str
    agentid: int
    natural_end: End
    serial: int = 0


def line_of(account: str, family: Family, agentid: int = 0) -> str:
    """The name of a line of succession: one app's tokens of one family."""
    return f"{account}|{family}|{agentid}"


class Handles:
    """All tokens, or all tickets, with their lines."""

    def __init__(self, table: Table[Handle], clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._newest: dict[str, Handle] = {}
        for handle in table.values():
            newest = self._newest.get(handle.line)
            if newest is None or newest.serial < handle.serial:
                self._newest[handle.line] = handle

    def get(self, value: str) -> Handle | None:
        """The handle with this value, dead or alive, if it was ever ours."""
        return self._table.get(value)

    def remaining(self, handle: Handle) -> float:
        """Seconds that ``handle`` still lives; not positive when dead."""
        return handle.ends.remaining(self._clock)

    def expires_in(self, handle: Handle) -> int:
        """Return the whole seconds for an answer; the instant between issue and answer costs no second."""
        return max(0, int(self.remaining(handle) + _INSTANT))

    def fate(self, handle: Handle) -> Fate:
        """Return whether ``handle`` is alive, has expired, or was ended early."""
        if self.remaining(handle) > 0:
            return "live"
        return "expired" if handle.natural_end.remaining(self._clock) <= 0 else "replaced"

    def reusable(self, line: str, beyond: float = 0) -> Handle | None:
        """Return the newest of a line if an answer may have it again: at least a second of it must be left.

        Args:
            line: see ``line_of``.
            beyond: seconds; it is returned only while it lives longer.
        """
        handle = self._newest.get(line)
        left = self.remaining(handle) if handle else 0
        return handle if left > beyond and left >= _LEAST_REST else None

    def live(self, line: str) -> list[Handle]:
        """All that live in a line, the oldest first."""
        living = [
            handle for handle in self._table.values() if handle.line == line and self.remaining(handle) > 0
        ]
        return sorted(living, key=lambda handle: handle.serial)

    def issue(self, account: str, family: Family, lifetime: float, *, agentid: int = 0) -> Handle:
        """A new one at the end of its line; those before it live on.

        Args:
            account: appid or corpid.
            family: of which kind.
            lifetime: seconds it will live.
            agentid: the WeCom agent, 0 for none.
        """
        line = line_of(account, family, agentid)
        before = self._newest.get(line)
        end = end_after(self._clock, lifetime)
        serial = before.serial + 1 if before else 1
        value = secrets.token_urlsafe(_BYTES[family])
        handle = Handle(
            ends=end,
            value=f"{serial % 90 + 10}_{value}" if family not in _BARE else value,
            line=line,
            family=family,
            account=account,
            agentid=agentid,
            natural_end=end,
            serial=serial,
        )
        self._newest[line] = handle
        return self._table.put(handle.value, handle)

    def succeed(self, account: str, family: Family, lifetime: float, overlap: float) -> Handle:
        """A new one that ends those before it: the last one ``overlap`` seconds from now, older ones at once."""
        elders = self.live(line_of(account, family))
        for elder in elders[: -(_MOST_LIVE - 1)]:
            self.kill(elder)
        for elder in elders[-(_MOST_LIVE - 1) :]:
            self.shorten(elder, overlap)
        return self.issue(account, family, lifetime)

    def shorten(self, handle: Handle, seconds: float) -> None:
        """Let ``handle`` end ``seconds`` from now, unless it ends before."""
        if self.remaining(handle) > seconds:
            handle.ends = end_after(self._clock, seconds)
            self._table.put(handle.value, handle)

    def kill(self, handle: Handle) -> None:
        """End ``handle`` now, as a platform may at any time."""
        self.shorten(handle, 0)
