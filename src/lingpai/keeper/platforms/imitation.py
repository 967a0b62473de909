"""An imitation of a platform that follows from its declared calls, for the sandbox.

It answers every call of a `Platform` for the sample accounts of its `PlatformType`: tokens and tickets by `Repeat`,
each code once, a wrong secret with an error number of the platform. It forgets everything when the process ends.
WeChat and WeCom have imitations of their own in the sandbox, with quotas and faults.
"""

import dataclasses
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lingpai.core.clock import Clock, End, end_after
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Platform, Renewed, Repeat, Severity
from lingpai.keeper.platforms.platform_type import PlatformType

Answer = dict[str, Any]
_PLACEHOLDER: Final = "\0code"
_LEAST: Final = 1.0
_UNKNOWN: Final = -1


@dataclasses.dataclass(slots=True)
class _Issued:
    account: str
    kind: str
    end: End


class Imitations:
    """Every platform whose file has sample accounts.

    Args:
        types: all platforms; those without samples are left alone.
        clock: the platforms' time.
        lifetime: seconds that tokens, tickets and codes live.
    """

    def __init__(self, types: Iterable[PlatformType], clock: Clock, lifetime: float) -> None:
        self._imitations = [
            _Imitation(each.sample(), each.samples, clock, lifetime) for each in types if each.samples
        ]

    def __call__(self, method: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        """Return the answer to a call with these fields, or None when no such platform has a call on this path."""
        for each in self._imitations:
            if path in each.platform.paths:
                return each.answer(method, path, fields)
        return None


class _Imitation:
    def __init__(
        self,
        platform: Platform,
        samples: Mapping[str, str],
        clock: Clock,
        lifetime: float,
    ) -> None:
        self.platform = platform
        self._samples = samples
        self._clock = clock
        self._lifetime = lifetime
        self._issued: dict[str, _Issued] = {}
        self._used: set[tuple[str, str, str]] = set()

    def answer(self, method: str, path: str, fields: Mapping[str, str]) -> Answer:
        """Return what the platform answers to a call of one of its paths."""
        for attempt in (self._token, self._exchange, self._ticket, self._probe):
            answer = attempt(method, path, fields)
            if answer is not None:
                return answer
        return self._refuse(Severity.PERMANENT)

    def _token(self, method: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        for call in self.platform.modes.values():
            if (call.method, call.path) != (method, path):
                continue
            for account, secret in self._samples.items():
                if _has(fields, call.request(account, secret)):
                    value, left = self._issue(account, ACCESS_TOKEN, call)
                    return self._success({call.value: value, call.lifetime: left})
        return None

    def _exchange(self, method: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        for kind, call in self.platform.exchanges.items():
            if (call.method, call.path) != (method, path):
                continue
            for account, secret in self._samples.items():
                request = call.query(account, secret, _PLACEHOLDER)
                (name,) = (name for name, value in request.items() if value == _PLACEHOLDER)
                named = {each: value for each, value in request.items() if each != name}
                if not _has(fields, named) or not fields.get(name):
                    continue
                if call.with_token and not self._owner(fields, ACCESS_TOKEN):
                    return self._refuse(Severity.DEAD_TOKEN)
                return self._exchanged(account, kind, fields[name], call.required)
        return None

    def _exchanged(self, account: str, kind: str, code: str, required: tuple[str, ...]) -> Answer:
        if (kind, account, code) in self._used:
            return self._refuse(Severity.CALLER)
        self._used.add((kind, account, code))
        return self._success({field: f"{field} of {code}" for field in required})

    def _ticket(self, method: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        for kind, call in self.platform.tickets.items():
            if (call.method, call.path) == (method, path) and _has(fields, call.query):
                account = self._owner(fields, ACCESS_TOKEN)
                if account is None:
                    return self._refuse(Severity.DEAD_TOKEN)
                value, left = self._issue(account, kind, call)
                return self._success({call.value: value, call.lifetime: left})
        return None

    def _probe(self, _method: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        probes = {
            ACCESS_TOKEN: self.platform.probe,
            **{kind: call.probe for kind, call in self.platform.tickets.items()},
        }
        kinds = [kind for kind, probe in probes.items() if probe is not None and probe.path == path]
        if not kinds:
            return None
        alive = any(self._owner(fields, kind) for kind in kinds)
        return self._success({}) if alive else self._refuse(Severity.DEAD_TOKEN)

    def _owner(self, fields: Mapping[str, str], kind: str) -> str | None:
        """Return the account of a live value of this kind among the fields."""
        for value in fields.values():
            issued = self._issued.get(value)
            if issued is not None and issued.kind == kind and issued.end.remaining(self._clock) > 0:
                return issued.account
        return None

    def _issue(self, account: str, kind: str, way: Renewed) -> tuple[str, int]:
        """Return a value and its remaining seconds: the one before or a new one, by what a repeated call does."""
        older = [
            (value, each)
            for value, each in self._issued.items()
            if (each.kind, each.account) == (kind, account)
        ]
        overlap = min(way.overlap, self._lifetime * way.overlap_share)
        if older and way.repeat is not Repeat.KILLS_OLD:
            value, newest = older[-1]
            left = newest.end.remaining(self._clock)
            if left > max(_LEAST, overlap if way.repeat is Repeat.SAME_UNTIL_LEFT else 0):
                return value, int(left)
        for _, each in older[:-1]:
            each.end = end_after(self._clock, 0)
        for _, each in older[-1:]:
            each.end = end_after(self._clock, min(overlap, max(0, each.end.remaining(self._clock))))
        value = secrets.token_urlsafe(48)
        self._issued[value] = _Issued(account, kind, end_after(self._clock, self._lifetime))
        return value, int(self._lifetime)

    def _success(self, data: Answer) -> Answer:
        envelope = self.platform.envelope
        head: Answer = {envelope.code: envelope.success, envelope.message: "ok"}
        return {**head, envelope.data: data} if envelope.data else {**head, **data}

    def _refuse(self, severity: Severity) -> Answer:
        """Return the platform's first error number of this meaning."""
        numbers = (code for code, fault in self.platform.faults.items() if fault.severity is severity)
        envelope = self.platform.envelope
        return {envelope.code: next(numbers, _UNKNOWN), envelope.message: f"refused ({severity.value})"}


def _has(fields: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    return all(fields.get(name) == str(value) for name, value in wanted.items())
