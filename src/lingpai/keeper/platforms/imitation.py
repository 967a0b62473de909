"""An imitation of a platform that follows from its declared calls, for the sandbox.

It answers every call of a `Platform` for the sample accounts of its `PlatformType`: tokens and tickets by `Repeat`,
within the declared budgets, each code once, a wrong secret with an error number of the platform. Calls under the
platform's API prefixes are answered with a bare success when their token lives. It forgets everything when the process
ends. WeChat and WeCom have imitations of their own in the sandbox, with quotas and faults.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from lingpai.core.clock import Clock
from lingpai.keeper.budgets import window_of
from lingpai.keeper.platforms.forms import placed
from lingpai.keeper.platforms.issuing import Issuing
from lingpai.keeper.platforms.platform import (
    ACCESS_TOKEN,
    ExchangeCall,
    Limit,
    Platform,
    ProbeCall,
    Renewed,
    Severity,
    TokenCall,
)
from lingpai.keeper.platforms.platform_type import PlatformType

Answer = dict[str, Any]
_PLACEHOLDER: Final = "\0code"
_UNKNOWN: Final = -1
_NO_HEADERS: Final[Mapping[str, str]] = {}


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

    def __call__(
        self, method: str, path: str, fields: Mapping[str, str], headers: Mapping[str, str] = _NO_HEADERS
    ) -> Answer | None:
        """Return the answer to a call with these fields, or None when no such platform has a call on this path."""
        found = [each for each in self._imitations if each.has(path)]
        if not found:
            return None
        chosen = next((each for each in found if each.knows(fields, headers)), found[0])
        return chosen.answer(method, path, {**fields, **_carried(headers)})

    def know(self, fields: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Return whether an account or a token of one of them is in a call."""
        return any(each.knows(fields, headers) for each in self._imitations)

    def refused(self, path: str, number: int) -> Answer | None:
        """Return how the platform of a path says this error; None when it is nobody's."""
        found = next((each for each in self._imitations if each.has(path)), None)
        return None if found is None else found.error(number, "fault of the sandbox")

    def kill(self, value: str) -> bool:
        """End a token or ticket; False when it is nobody's."""
        return any(each.issuing.kill(value) for each in self._imitations)

    def lives(self, value: str) -> bool:
        """Return whether a token or ticket lives."""
        return any(each.issuing.lives(value) for each in self._imitations)


def _carried(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what headers may carry a token in, under names that no field has."""
    return {f"\0{name}": value.rpartition(" ")[2] for name, value in headers.items()}


class _Imitation:
    def __init__(self, platform: Platform, samples: Mapping[str, str], clock: Clock, lifetime: float) -> None:
        self.platform = platform
        self.issuing = Issuing(clock, lifetime)
        self._samples = samples
        self._clock = clock
        self._used: set[tuple[str, str, str]] = set()
        self._counts: dict[tuple[str, str, str], int] = {}

    def has(self, path: str) -> bool:
        """Return whether a path is one of the platform's."""
        forwarding = self.platform.forwarding
        return path in self.platform.paths or (forwarding is not None and bool(forwarding.prefix_of(path)))

    def knows(self, fields: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Return whether one of the fields is an account or a token of the platform."""
        values = (*fields.values(), *_carried(headers).values())
        return any(value in self._samples or self.issuing.has(value) for value in values)

    def answer(self, method: str, path: str, fields: Mapping[str, str]) -> Answer:
        """Return what the platform answers to a call of one of its paths."""
        for attempt in (self._token, self._exchange, self._ticket, self._probe, self._forwarded):
            answer = attempt(method, path, fields)
            if answer is not None:
                return answer
        return self._refuse(Severity.PERMANENT)

    def error(self, number: int, message: str) -> Answer:
        """Return an error of the platform."""
        envelope = self.platform.envelope
        names = {code: name for name, code in envelope.names.items()}
        return placed({envelope.code: names.get(number, number), envelope.message: message})

    def _token(self, method: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        kinds = [(ACCESS_TOKEN, call) for call in self.platform.modes.values()]
        for kind, call in (*kinds, *self.platform.tokens.items()):
            step = self._step(method, path, fields, call)
            if step is not None:
                return step
            if (call.method, call.path) != (method, path):
                continue
            for account, secret in self._samples.items():
                wanted = (
                    call.request(account, secret)
                    if call.after is None
                    else call.after(account, secret, _taken(call, account))
                )
                if _has(fields, wanted):
                    return self._issue(account, kind, call, call.limits)
        return None

    def _step(self, method: str, path: str, fields: Mapping[str, str], call: TokenCall) -> Answer | None:
        for step in call.steps:
            if (step.method, step.path) != (method, path):
                continue
            for account, secret in self._samples.items():
                taken = _taken(call, account)
                if _has(fields, step.request(account, secret, taken)):
                    return self._success(placed({where: taken[name] for name, where in step.take.items()}))
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
                if call.with_token and self._owner(fields, call.kind) != account:
                    continue
                return self._exchanged(account, kind, fields[name], call)
            if call.with_token:
                return self._refuse(Severity.DEAD_TOKEN)
        return None

    def _exchanged(self, account: str, kind: str, code: str, call: ExchangeCall) -> Answer:
        if (kind, account, code) in self._used:
            return self._refuse(Severity.CALLER)
        self._used.add((kind, account, code))
        inside = f"{call.inside}." if call.inside else ""
        names = call.required or call.optional[:1]
        return self._success(placed({f"{inside}{field}": f"{field} of {code}" for field in names}))

    def _ticket(self, method: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        for kind, call in self.platform.tickets.items():
            if (call.method, call.path) != (method, path):
                continue
            account = self._owner(fields, ACCESS_TOKEN)
            if account is None:
                return self._refuse(Severity.DEAD_TOKEN)
            token = next(value for value in fields.values() if self.issuing.has(value))
            wanted = {**call.request(account, token), **call.query}
            if _has(fields, {name: value for name, value in wanted.items() if value != token}):
                return self._issue(account, kind, call, call.limits)
        return None

    def _probe(self, _method: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        probes: dict[str, ProbeCall | None] = {
            ACCESS_TOKEN: self.platform.probe,
            **{kind: call.probe for kind, call in self.platform.tickets.items()},
        }
        kinds = [kind for kind, probe in probes.items() if probe is not None and probe.path == path]
        if not kinds:
            return None
        alive = any(self._owner(fields, kind) for kind in kinds)
        return self._success({}) if alive else self._refuse(Severity.DEAD_TOKEN)

    def _forwarded(self, _method: str, path: str, fields: Mapping[str, str]) -> Answer | None:
        if path in self.platform.paths:
            return None
        kinds = (ACCESS_TOKEN, *self.platform.tokens)
        alive = any(self._owner(fields, kind) for kind in kinds)
        return self._success({}) if alive else self._refuse(Severity.DEAD_TOKEN)

    def _owner(self, fields: Mapping[str, str], kind: str) -> str | None:
        """Return the account of a live value of this kind among the fields."""
        return self.issuing.owner(fields.values(), kind)

    def _issue(self, account: str, kind: str, way: Renewed, limits: tuple[Limit, ...]) -> Answer:
        """Return a value, within the budgets that the platform is declared to have."""
        for limit in limits:
            window, _ = window_of(self._clock.now(), limit.period.value)
            counted = (account, limit.name, window)
            self._counts[counted] = self._counts.get(counted, 0) + 1
            if self._counts[counted] > limit.limit:
                return self._refuse(Severity.TRANSIENT)
        value, end = self.issuing.issue(account, kind, way)
        left = end.wall if way.absolute else end.remaining(self._clock)
        return self._success(placed({way.value: value, way.lifetime: int(left / way.unit)}))

    def _success(self, data: Answer) -> Answer:
        envelope = self.platform.envelope
        if not envelope.code or (envelope.names and envelope.may_lack):
            head: Answer = {}
        else:
            head = placed({envelope.code: envelope.success, envelope.message: "ok"})
        return _merged(head, placed({envelope.data: data}) if envelope.data else data)

    def _refuse(self, severity: Severity) -> Answer:
        """Return the platform's first error number of this meaning."""
        numbers = (code for code, fault in self.platform.faults.items() if fault.severity is severity)
        return self.error(next(numbers, _UNKNOWN), f"refused ({severity.value})")


def _taken(call: TokenCall, account: str) -> dict[str, str]:
    """Return what the steps before a token's call give."""
    return {name: f"{name}-of-{account}" for step in call.steps for name in step.take}


def _merged(one: Answer, other: Answer) -> Answer:
    """Return both objects as one; where both have an object, that of both."""
    found = dict(one)
    for name, value in other.items():
        before = found.get(name)
        both = isinstance(before, dict) and isinstance(value, dict)
        found[name] = _merged(before, value) if both else value  # type: ignore[arg-type]  # both are objects
    return found


def _has(fields: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    return all(fields.get(name) == str(value) for name, value in wanted.items())
