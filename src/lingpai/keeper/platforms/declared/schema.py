"""The form of a file that describes a platform, as structs; `docs/how-to/platforms.md` explains it."""

from typing import Any, Literal

import msgspec

from lingpai.keeper.platforms.declared.call_forms import (
    ExchangeForm,
    Fields,
    Form,
    Place,
    ProbeForm,
    TicketForm,
    TokenForm,
)

Name = str | int
"""An error: its number, or the name that the platform sends."""


class Account(Form):
    """How the platform's accounts look.

    Attributes:
        word: the platform's word for an app's id.
        form: regular expression of ids.
        one_secret: whether an id has only one secret.
        secrets: names of the secrets, where there are several: the account's secret is then a JSON object of them.
    """

    word: str = "app id"
    form: str = ""
    one_secret: bool = True
    secrets: tuple[str, ...] = ()


class Answer(Form):
    """Where answers have result and data.

    Attributes:
        code: path of the error number or name; "" when a success is known by its value alone.
        message: path of the error's text.
        success: the number of a success.
        may_lack: whether a success may come without it.
        data: path of the data.
        names: numbers for the names that the platform sends instead.
        any_status: whether errors come with HTTP statuses of their own.
        also: where other answers have these; they are known by its code.
    """

    code: str = ""
    message: str = "message"
    success: int = 0
    may_lack: bool = True
    data: str = ""
    names: dict[str, int] = msgspec.field(default_factory=dict)
    any_status: bool = False
    also: "Answer | None" = None


class SignatureForm(Form):
    """How pages are signed.

    Attributes:
        kinds: the ticket of each way of signing.
        text: what is hashed, with `{ticket}`, `{nonce}`, `{timestamp}` and `{url}`.
        hash: which function.
        unit: of the timestamp.
        page: what of the page's address is signed.
    """

    kinds: dict[str, str]
    text: str = "jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}"
    hash: Literal["sha1", "md5", "sha256"] = "sha1"
    unit: Literal["s", "ms"] = "s"
    page: Literal["without_fragment", "without_query"] = "without_fragment"


class RemedyForm(Form):
    """What an operator has to do about an error; `{address}` is the address that the refusal names."""

    en: str
    zh: str


class ErrorsForm(Form):
    """What the platform's errors mean.

    Attributes:
        transient: they pass.
        permanent: they stay until a human acts.
        caller: the caller's own.
        dead: the token of the call is not accepted any more.
        waits: seconds to stay away after an error, by its number or name, or "midnight".
        remedies: by its number or name.
    """

    transient: tuple[Name, ...] = ()
    permanent: tuple[Name, ...] = ()
    caller: tuple[Name, ...] = ()
    dead: tuple[Name, ...] = ()
    waits: dict[str, float | Literal["midnight"]] = msgspec.field(default_factory=dict)
    remedies: dict[str, RemedyForm] = msgspec.field(default_factory=dict)


class PathForm(Form):
    """Paths of the API that are forwarded.

    Attributes:
        prefix: their beginning.
        at: see `CallForm`.
        place: where the token goes, where that differs.
    """

    prefix: str
    at: str = ""
    place: Place | None = None


class ForwardingForm(Form, kw_only=True):
    """How calls of the API are forwarded.

    Attributes:
        paths: which.
        never: patterns of paths that are not, besides the calls of this file.
        refused: error for a path that a caller may not have forwarded.
        busy: error for too many calls at once, or a second.
    """

    paths: tuple[PathForm, ...]
    refused: Name
    busy: Name
    never: tuple[str, ...] = ()


class Declared(Form):
    """A platform.

    Attributes:
        name: as in accounts' names; the file's name when left out.
        title: what it is, in English.
        title_zh: the same in Chinese.
        base_url: its usual address; operators set another by the setting of that name.
        addresses: further addresses, by name.
        body: how what is posted is written.
        account: how its accounts look.
        answer: where answers have result and data.
        place: where the token goes in calls that carry it.
        stamp: fields of every call, with `{now}`, `{now_ms}`, `{uuid}` and `{sign.RECIPE}`.
        token: how its token is fetched.
        modes: several ways to fetch it, by name, in the place of `token`; the first is the default.
        tokens: further kinds of tokens.
        tickets: kinds of tickets.
        signatures: how pages are signed.
        exchanges: kinds of code exchange.
        probe: whether a token is still accepted.
        errors: what they mean.
        forwarding: which calls are forwarded.
        checks_address: whether the caller's address is checked on every call.
        drop_in: whether token calls, tickets and exchanges of this file are routes of Lingpai too.
        sandbox: secrets of sample accounts, by account: the sandbox imitates the platform for these.
    """

    name: str = ""
    title: str = ""
    title_zh: str = ""
    base_url: str = ""
    addresses: dict[str, str] = msgspec.field(default_factory=dict)
    body: Literal["json", "form"] = "json"
    account: Account = msgspec.field(default_factory=Account)
    answer: Answer = msgspec.field(default_factory=Answer)
    place: Place = msgspec.field(default_factory=lambda: Place(query="access_token"))
    stamp: Fields = msgspec.field(default_factory=dict)
    token: TokenForm | None = None
    modes: dict[str, TokenForm] = msgspec.field(default_factory=dict)
    tokens: dict[str, TokenForm] = msgspec.field(default_factory=dict)
    tickets: dict[str, TicketForm] = msgspec.field(default_factory=dict)
    signatures: SignatureForm | None = None
    exchanges: dict[str, ExchangeForm] = msgspec.field(default_factory=dict)
    probe: ProbeForm | None = None
    errors: ErrorsForm = msgspec.field(default_factory=ErrorsForm)
    forwarding: ForwardingForm | None = None
    checks_address: bool = False
    drop_in: bool = True
    sandbox: dict[str, str | dict[str, str]] = msgspec.field(default_factory=dict)


def names_of(path: list[str]) -> list[str]:
    """Return the names that the table at a path of a description may have; none when that is no table of names."""
    kind: Any = Declared
    for part in path:
        kind = _inner(kind, part)
        if kind is None:
            return []
    return [field.name for field in msgspec.structs.fields(kind)] if _is_form(kind) else []


def _inner(kind: Any, part: str) -> Any:
    if _is_form(kind):
        found = next((field.type for field in msgspec.structs.fields(kind) if field.name == part), None)
        return _table_in(found)
    return None


def _table_in(annotation: Any) -> Any:
    if _is_form(annotation):
        return annotation
    arguments = getattr(annotation, "__args__", ())
    return next((each for each in map(_table_in, arguments) if each is not None), None)


def _is_form(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Form)
