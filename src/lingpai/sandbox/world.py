"""Everything that one sandbox knows, and a call as the platforms see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec

from lingpai.core.clock import Clock, End
from lingpai.sandbox.accounts import Accounts, Change
from lingpai.sandbox.faults import Calls, Faults
from lingpai.sandbox.files import File, Media
from lingpai.sandbox.handles import Handle, Handles
from lingpai.sandbox.options import Rules, SandboxOptions, WechatApp, WecomAgent
from lingpai.sandbox.people import People
from lingpai.sandbox.pushed import Authorization, ComponentCode, Outbox, Ticket
from lingpai.sandbox.quotas import Counter, Quotas
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.state import Row, StateFile, Table

Answer = dict[str, Any]


class Mark(Row):
    """A remembered moment, in force until ``ends``."""

    text: str = ""
    count: int = 0


@dataclass(frozen=True)
class Call:
    """One call of a platform's API.

    Attributes:
        method: the HTTP method.
        path: the path, without the query.
        query: the query's parameters, each with its first value.
        body: the raw body.
        address: the caller's IP address.
        content_type: of the body.
        headers: all headers, names in lower case.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    address: str
    content_type: str
    headers: Mapping[str, str]

    @cached_property
    def _parsed(self) -> Any:
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    @property
    def fields(self) -> dict[str, str]:
        """Return every parameter as text, of the query or of a JSON object or form in the body."""
        document = self._parsed if isinstance(self._parsed, dict) else {}
        return {**{name: str(value) for name, value in document.items()}, **self.query}

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body.

        Raises:
            Refusal: 47001, there is none.
        """
        if not isinstance(self._parsed, dict):
            raise Refusal(47001)
        return self._parsed

    def text(self, name: str, missing: int = 47001) -> str:
        """A parameter of the query, or else of a JSON object in the body; never blank.

        Raises:
            Refusal: ``missing``, it is not there or is no text.
        """
        value = self.query.get(name) or self.peek(name)
        if not value:
            raise Refusal(missing)
        return value

    def peek(self, name: str) -> str:
        """A text of the body's JSON object or form, "" when there is none."""
        if self.content_type.startswith("application/x-www-form-urlencoded") and self._parsed is None:
            return dict(parse_qsl(self.body.decode(errors="replace"))).get(name, "")
        value = self._parsed.get(name, "") if isinstance(self._parsed, dict) else ""
        return value if isinstance(value, str) else ""


class World:
    """The state of one sandbox.

    Args:
        options: rules and accounts.
        clock: the platforms' time.
        state_file: where the state survives a restart; None keeps it in memory.

    Raises:
        apsw.Error: the state file cannot be used.
        msgspec.DecodeError: the state file was written by another version.
    """

    def __init__(self, options: SandboxOptions, clock: Clock, state_file: Path | None = None) -> None:
        self.rules: Rules = msgspec.structs.replace(options)  # the controls change it; the caller's stays
        self.clock = clock
        self.file = StateFile(state_file, clock)
        self.accounts = Accounts(options, Table(self.file, "accounts", Change))
        self.tokens = Handles(Table(self.file, "tokens", Handle), clock)
        self.tickets = Handles(Table(self.file, "tickets", Handle), clock)
        self.quotas = Quotas(Table(self.file, "quotas", Counter), clock)
        self.marks = Table(self.file, "marks", Mark)
        self.people = People(self.file, clock)
        self.component_tickets = Table(self.file, "component_tickets", Ticket)
        self.component_codes = Table(self.file, "component_codes", ComponentCode)
        self.authorizations = Table(self.file, "authorizations", Authorization)
        self.outbox = Outbox()
        self.faults = Faults()
        self.calls = Calls()
        self.media = Media()
        self.others: Others | None = None

    def is_in_force(self, mark: Row | None) -> bool:
        """Return whether a mark is there and has not ended."""
        return mark is not None and mark.ends.remaining(self.clock) > 0

    def until(self, seconds: float) -> End:
        """The end ``seconds`` from now."""
        return self.people.end_in(seconds)

    def push_soon(self, component: str, event: str, **members: str) -> None:
        """Have something pushed to the callback of a third-party platform; see ``pushing``."""
        self.outbox.add(component, event, members)

    def spend_codes(self, component: str, merchant: str) -> None:
        """Use up the codes of a merchant that withdraws."""
        for value, code in self.component_codes.items():
            if (code.component, code.merchant) == (component, merchant) and not code.used:
                code.used = True
                self.component_codes.put(value, code)

    def agent(self, corpid: str, agentid: int) -> WecomAgent | None:
        """Return an app of a corp by its number: its own, or a third party's that it has authorised."""
        own = self.accounts.agent(corpid, agentid)
        if own is not None:
            return own
        for each in self.authorizations.values():
            suite = self.accounts.suites.get(each.component)
            if suite is not None and (each.merchant, each.agentid) == (corpid, agentid):
                return WecomAgent(agentid=agentid, secret=each.permanent_code, name=suite.name)
        return None

    def daily_limit(self, app: WechatApp, path: str) -> int:
        """Return how often ``app`` may call ``path`` in a day."""
        of_rules = {
            "/cgi-bin/token": self.rules.classic_quota,
            "/cgi-bin/stable_token": self.rules.stable_quota,
        } | self.rules.quotas
        return app.quotas.get(path, of_rules.get(path, self.rules.api_quota))

    def spend(self, app: WechatApp, path: str) -> None:
        """Count a call of ``path`` against the day's quota.

        Raises:
            Refusal: 45009, it is used up.
        """
        if not self.quotas.take(app.appid, path, "day", self.daily_limit(app, path)):
            raise Refusal(45009)


class Others(Protocol):
    """The imitations of further platforms."""

    def __call__(
        self, method: str, path: str, fields: Mapping[str, str], headers: Mapping[str, str] = ...
    ) -> Answer | None:
        """Answer a call by method, path, parameters and headers; None when it is nobody's."""
        ...

    def know(self, fields: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Return whether an account or a token of one of them is in a call."""
        ...

    def refused(self, path: str, number: int) -> Answer | None:
        """Return how the platform of a path says an error; None when it is nobody's."""
        ...

    def kill(self, value: str) -> bool:
        """End a token or ticket; False when it is nobody's."""
        ...

    def lives(self, value: str) -> bool:
        """Return whether a token or ticket of one of them lives."""
        ...


OpenHandler = Callable[[World, Call], Answer]
TokenHandler = Callable[[World, Call, Handle], Answer | File]
