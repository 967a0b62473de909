"""Faults that are set for calls, and the count of calls."""

from collections import Counter, deque
from typing import Any, Final

import msgspec

ANY_PATH: Final = "*"
_PLAIN: Final = (
    "timeout",
    "reset",
    "drop",
    "http500",
    "html",
    "gbk",
    "empty",
    "huge",
    "no_expires_in",
    "redirect",
)
_NUMBERED: Final = ("errcode", "slow")
KINDS: Final = (*_PLAIN, "errcode:N", "slow:SECONDS")
_REMEMBERED: Final = 200


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A fault that affects the next calls of ``path``.

    Attributes:
        path: an API path, or ``*`` for any.
        fault: one of ``KINDS``.
        times: number of calls that it affects.
        account: only calls of this account; "" for any.
        after: the call takes effect first, then its answer is lost.
    """

    path: str
    fault: str
    times: int = 1
    account: str = ""
    after: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be met.

        Raises:
            ValueError: the kind is unknown or its number is missing, or ``times`` is less than 1.
        """
        if self.kind in _NUMBERED:
            if self.number is None:
                raise ValueError(f"{self.kind} needs a number, as in {self.kind}:3")
        elif self.fault not in _PLAIN:
            raise ValueError(f"fault must be one of {', '.join(KINDS)}")
        if self.times < 1:
            raise ValueError("times must be at least 1")

    @property
    def kind(self) -> str:
        """The fault without its number."""
        return self.fault.partition(":")[0]

    @property
    def number(self) -> float | None:
        """The number behind the colon, if there is one."""
        try:
            number = float(self.fault.partition(":")[2])
        except ValueError:
            return None
        return number if abs(number) < 1e9 else None  # noqa: PLR2004 - also refuses nan and infinity


class Faults:
    """The faults that wait, in the order they were set."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def take(self, path: str, account: str) -> Fault | None:
        """The fault that a call meets, used up once more."""
        for fault in self.waiting:
            if fault.path in {path, ANY_PATH} and fault.account in {"", account}:
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
                return fault
        return None


class Calls:
    """Every upstream call that came, failed ones too."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._last: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)

    def add(self, path: str, account: str, received: dict[str, Any]) -> None:
        """Count a call of ``path`` by ``account`` ("" when it named none), and remember what came."""
        self._counts[path, account] += 1
        self._last.append(received)

    def report(self, path: str | None = None, account: str | None = None) -> dict[str, Any]:
        """``calls`` by path and account, and their ``total``, of one path or account if given."""
        calls: dict[str, dict[str, int]] = {}
        for (called, by), count in self._counts.items():
            if path in {None, called} and account in {None, by}:
                calls.setdefault(called, {})[by] = count
        return {"calls": calls, "total": sum(sum(counts.values()) for counts in calls.values())}

    def received(self, path: str | None = None) -> list[dict[str, Any]]:
        """The last calls as they came, the oldest first."""
        return [call for call in self._last if path in {None, call["path"]}]

    def reset(self) -> None:
        """Count from nothing again."""
        self._counts.clear()
        self._last.clear()
