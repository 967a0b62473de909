"""The operations of the console as data: what each needs to know, what it does, and its command.

Each has a page with a form of its own. A new operation is one entry here, and its words.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from lingpai.core.records import EVERY_RIGHT, HAND_OUTS
from lingpai.operating.port import Document, Item, Operating
from lingpai.operating.resources.accounts import NO_LABEL

Values = Mapping[str, str]
FieldKind = Literal["text", "secret", "lines", "choices", "choice", "number"]
Verb = Literal["put", "patch", "remove", "act"]


class Field(NamedTuple):
    """One field of a form.

    Attributes:
        name: of the document's field.
        kind: how it is typed; `lines` are a list with one entry a line, `choices` some of `choices`.
        needed: whether it must not be empty.
        choices: the values that it may have.
    """

    name: str
    kind: FieldKind = "text"
    needed: bool = False
    choices: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Operation:
    """One thing that an operator can do.

    Attributes:
        kind: of the thing, see `operating.resources.registry`.
        name: unique within the kind.
        verb: of the port.
        key: names of what identifies the thing.
        command: the words of the command line that does the same, by key and document; None for none.
        action: name of the port's action, with the verb `act`.
        whole: whether the action is of the list; the last part of the key is then a field of the document.
        fields: of the form.
        fixed: what the document has besides.
        named: the field of the thing's document that has to be typed again, for dangerous operations; else "".
        count: counts what it hits, for dangerous operations.
        secret: the field of the answer with a secret that is shown once, or "".
        back: the page to go to afterwards.
    """

    kind: str
    name: str
    verb: Verb
    key: tuple[str, ...]
    command: Callable[[Values, Document], list[str]] | None
    action: str = ""
    whole: bool = False
    fields: tuple[Field, ...] = ()
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    named: str = ""
    count: Callable[[Operating, Item, Values], Awaitable[int]] | None = None
    secret: str = ""
    back: str = ""

    @property
    def full_name(self) -> str:
        """The name of its page, such as "callers.revoke"."""
        return f"{self.kind}.{self.name}"

    @property
    def makes(self) -> bool:
        """Whether it adds a thing."""
        return self.verb == "put" or self.whole

    def key_of(self, values: Values) -> tuple[str, ...]:
        """Return the key of the thing; an account without a label has "-" in its place."""
        return tuple(values[name] or (NO_LABEL if name == "label" else "") for name in self.key)


def account_name(values: Values) -> str:
    """Return the name of an account by its key."""
    label = values["label"] if values["label"] != NO_LABEL else ""
    return "/".join(filter(None, (values["platform"], values["account"], label)))


def _options(name: str, values: Any) -> list[str]:
    return [word for each in values or () for word in (f"--{name}", str(each))]


def _account_add(values: Values, document: Document) -> list[str]:
    label = _options("label", [values["label"]] if values["label"] not in {"", NO_LABEL} else ())
    words = ["account", "add", values["platform"], values["account"], *label]
    words += _options("mode", [document["mode"]] if document.get("mode") else ())
    return [*words, *_options("domain", document.get("domains")), "--secret-stdin"]


def _caller(verb: str) -> Callable[[Values, Document], list[str]]:
    def words(values: Values, document: Document) -> list[str]:
        environment = document.get("environment")
        return [
            *("caller", verb, values["name"], *_options("environment", [environment] if environment else ())),
            *_options("app", document.get("apps")),
            *_options("right", document.get("rights")),
            *_options("network", document.get("networks")),
        ]

    return words


def _words(*words: str) -> Callable[[Values, Document], list[str]]:
    """Return what makes a command of words, of which `{name}` is a part of the key."""

    def command(values: Values, _document: Document) -> list[str]:
        named = {**values, "account_name": account_name(values) if "platform" in values else ""}
        return [word.format(**named) for word in words]

    return command


def _user(*words: str) -> Callable[[Values, Document], list[str]]:
    return _words("user", *words, "{login}", "--realm", "{realm}")


async def _held(_port: Operating, item: Item, _values: Values) -> int:
    return len(item.document["held"])


async def _keys(_port: Operating, item: Item, _values: Values) -> int:
    count: int = item.document["valid_keys"]
    return count


async def _members(_port: Operating, item: Item, _values: Values) -> int:
    count: int = item.document["users"]
    return count


async def _grants(port: Operating, item: Item, values: Values) -> int:
    wanted = {"user": item.document["login"]}
    return len((await port.list("grants", (values["realm"],), wanted, limit=500)).items)


async def _one(_port: Operating, _item: Item, _values: Values) -> int:
    return 1


async def _waiting(_port: Operating, item: Item, _values: Values) -> int:
    count: int = item.document["waiting"]
    return count


_ACCOUNT: Final = ("platform", "account", "label")
_APP: Final = ("realm", "app_id")
_USER: Final = ("realm", "uid")
_MAY: Final = (
    Field("environment"),
    Field("rights", "choices", choices=EVERY_RIGHT),
    Field("apps", "lines"),
    Field("networks", "lines"),
)
_SECRET: Final = Field("secret", "secret", needed=True)
_OVERLAP: Final = Field("overlap", "number")

OPERATIONS: Final = (
    Operation(
        *("accounts", "add", "put", _ACCOUNT, _account_add),
        fields=(_SECRET, Field("mode"), Field("domains", "lines")),
    ),
    Operation(
        "accounts", "change", "patch", _ACCOUNT, None,
        fields=(Field("mode"), Field("domains", "lines"), Field("hand_out", "choice", choices=HAND_OUTS)),
    ),
    Operation("accounts", "secret", "patch", _ACCOUNT, _account_add, fields=(_SECRET,)),
    Operation(
        "accounts", "unblock", "act", _ACCOUNT, _words("token", "unblock", "{account_name}"), action="unblock"
    ),
    Operation(
        "accounts", "remove", "remove", _ACCOUNT, _words("account", "remove", "{account_name}"),
        named="account", count=_held,
    ),
    Operation(
        "tokens", "renew", "act", (*_ACCOUNT, "kind"),
        _words("token", "clear", "{account_name}", "--kind", "{kind}"),
        action="renew", back="overview",
    ),
    Operation("callers", "add", "put", ("name",), _caller("add"), fields=_MAY, secret="key"),  # noqa: S106
    Operation("callers", "change", "patch", ("name",), _caller("set"), fields=_MAY),
    Operation(
        "callers", "key", "act", ("name",), _words("caller", "rotate", "{name}"),
        action="keys", fields=(_OVERLAP,), secret="key",  # noqa: S106  the name of a field
    ),
    Operation(
        "callers", "revoke", "remove", ("name",), _words("caller", "revoke", "{name}"),
        named="caller", count=_keys,
    ),
    Operation(
        "apps", "secret", "act", _APP, _words("app", "rotate-secret", "{app_id}", "--realm", "{realm}"),
        action="secrets", fields=(_OVERLAP,), secret="secret",  # noqa: S106  the name of a field
    ),
    Operation(
        "apps", "disable", "patch", _APP, _words("app", "disable", "{app_id}", "--realm", "{realm}"),
        fixed={"disabled": True}, named="app_id", count=_members,
    ),
    Operation(
        "apps", "enable", "patch", _APP, _words("app", "enable", "{app_id}", "--realm", "{realm}"),
        fixed={"disabled": False},
    ),
    Operation("apps", "end-grants", "act", _APP, None, action="end-grants", named="app_id", count=_members),
    Operation(
        "apps", "remove", "remove", _APP, _words("app", "remove", "{app_id}", "--realm", "{realm}"),
        named="app_id", count=_members,
    ),
    Operation(
        "users", "add", "act", ("realm",), _words("user", "add", "{login}", "--realm", "{realm}"),
        action="add", whole=True,
        fields=(Field("login", needed=True), Field("nick"), Field("password", "secret")),
    ),
    Operation(
        "users", "disable", "patch", _USER, _user("disable"),
        fixed={"disabled": True}, named="login", count=_grants,
    ),
    Operation("users", "enable", "patch", _USER, _user("enable"), fixed={"disabled": False}),
    Operation("users", "logout", "act", _USER, _user("logout"), action="logout"),
    Operation("users", "end-grants", "act", _USER, None, action="end-grants", named="login", count=_grants),
    Operation("users", "remove", "remove", _USER, _user("remove"), named="login", count=_grants),
    Operation(
        "grants", "end", "remove", ("realm", "grant"), _words("grant", "end", "{grant}"), named="grant", count=_one
    ),
    Operation(
        "machines", "remove", "remove", ("realm", "machine_code"),
        _words("machine", "remove", "{machine_code}", "--realm", "{realm}"), named="machine_code", count=_one,
    ),
    Operation(
        "environments", "remove", "remove", ("name",), _words("environment", "remove", "{name}"),
        named="environment", count=_waiting,
    ),
    Operation("admins", "remove", "remove", ("name",), _words("admin", "remove", "{name}"), named="name", count=_one),
    Operation("sessions", "end", "remove", ("session",), None, named="name", count=_one),
)  # fmt: skip
BY_NAME: Final[Mapping[str, Operation]] = {each.full_name: each for each in OPERATIONS}
