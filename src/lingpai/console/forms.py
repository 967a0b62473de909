"""What a form of an operation says: its values as a document, and the same operation as a command and as a call."""

import shlex
from typing import Any, Final
from urllib.parse import quote

import msgspec

from lingpai.console.operations import Field, Operation, Values
from lingpai.core.errors import Kind, LingpaiError
from lingpai.operating.port import Document
from lingpai.operating.replies import ROOT
from lingpai.operating.resources.accounts import NO_LABEL
from lingpai.operating.resources.registry import BY_KIND

HIDDEN: Final = "…"
"""What commands and calls show in the place of a secret."""
_METHODS: Final = {"put": "PUT", "patch": "PATCH", "remove": "DELETE", "act": "POST"}
_SEVERAL: Final = ("lines", "choices")


def is_list(field: Field) -> bool:
    """Return whether a field is a list in documents."""
    return field.kind in _SEVERAL


def params_of(operation: Operation, *, sent: bool) -> type[msgspec.Struct]:
    """Return the struct of the parameters of an operation's page.

    Args:
        operation: whose.
        sent: whether of the form that is sent; a link has no secret, no token and no confirmation.
    """
    fields: list[Any] = [(name, str, "") for name in operation.key]
    for field in operation.fields:
        if field.kind == "choices":
            fields.append((field.name, tuple[str, ...], ()))
        elif sent or field.kind != "secret":
            fields.append((field.name, str, ""))
    if sent:
        fields += [(name, str, "") for name in ("form_token", "etag", "typed", "reason", "once")]
    else:
        fields.append(("lang", str, ""))
        fields.append(("preset", str, ""))
    return msgspec.defstruct(f"{operation.kind}_{operation.name}".replace("-", "_"), fields, kw_only=True)


def document_of(operation: Operation, params: Any) -> Document:
    """Return the document that a form makes; what stays empty is left out, so that it gets its default.

    Raises:
        LingpaiError: MISSING_PARAMETER, INVALID_PARAMETER.
    """
    document: Document = dict(operation.fixed)
    for field in operation.fields:
        value = getattr(params, field.name)
        if field.needed and not value:
            raise LingpaiError(Kind.MISSING_PARAMETER, "This field is needed.", parameter=field.name)
        if field.kind == "lines":
            document[field.name] = value.split()
        elif field.kind == "choices":
            document[field.name] = [each for each in field.choices if each in value]
        elif field.kind == "number":
            if value and not (value.isascii() and value.isdecimal() and len(value) < 10):  # noqa: PLR2004
                raise LingpaiError(Kind.INVALID_PARAMETER, "A whole number is needed.", parameter=field.name)
            if value:
                document[field.name] = int(value)
        elif value or operation.verb == "patch":
            document[field.name] = value
    return document


def shown_document(operation: Operation, document: Document) -> Document:
    """Return a document as it may be shown, without secrets."""
    secrets = {field.name for field in operation.fields if field.kind == "secret"}
    shown = {name: HIDDEN if name in secrets else value for name, value in document.items()}
    return shown | {name: HIDDEN for name in secrets if name not in shown}


def command_of(operation: Operation, values: Values, document: Document) -> str:
    """Return the command that does the same, or "": none can empty a list."""
    emptied = operation.verb == "patch" and any(value == [] for value in document.values())
    if operation.command is None or emptied:
        return ""
    return shlex.join(["lingpai", *operation.command({**values, **_texts(document)}, document)])


def call_of(operation: Operation, values: Values, document: Document) -> str:
    """Return the call of the admin API that does the same, for curl."""
    resource = BY_KIND[operation.kind]
    path = resource.list_path if operation.whole else resource.path
    for name in operation.key:
        text = values.get(name) or (NO_LABEL if name == "label" else HIDDEN)
        path = path.replace("{" + name + "}", quote(text, safe=HIDDEN))
    if operation.verb == "act":
        path += resource.actions[operation.action].path
    words = ["curl", "-X", _METHODS[operation.verb]]
    target = f'"$ADMIN"{shlex.quote(ROOT + path)} -H "Authorization: Bearer $ADMIN_KEY"'
    rest: list[str] = []
    if operation.verb == "put":
        rest += ["-H", "If-None-Match: *"]
    if operation.verb != "remove":
        sent = shown_document(operation, document)
        rest += ["-H", "Content-Type: application/json", "-d", msgspec.json.encode(sent).decode()]
    return " ".join(filter(None, (shlex.join(words), target, shlex.join(rest))))


def _texts(document: Document) -> dict[str, str]:
    return {name: value for name, value in document.items() if isinstance(value, str)}
