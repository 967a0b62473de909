"""The page of an operation: its form, what it hits and how else it is done; and what comes of it."""

import dataclasses
import secrets
from typing import Any

import msgspec

from lingpai.console.forms import call_of, command_of, document_of, is_list
from lingpai.console.operations import Operation, Values, account_name
from lingpai.console.visits import Visit, url
from lingpai.console.words import CATALOGUES, reason_in
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import FlawsError
from lingpai.core.wire import Reply
from lingpai.operating.local import Local
from lingpai.operating.port import ABSENT, Condition, Document, Item
from lingpai.operating.problems import StaleError
from lingpai.operating.repeats import Repeats
from lingpai.operating.resources.registry import BY_KIND

_ONCE_BYTES = 16


class OperationPages:
    """The pages of one operation.

    Args:
        operation: which.
        repeats: answers a form that is sent twice as the first time.
    """

    def __init__(self, operation: Operation, repeats: Repeats) -> None:
        self._operation = operation
        self._repeats = repeats

    async def show(self, params: Any, visit: Visit) -> Reply:
        """Return the form."""
        operation, values = self._operation, self._values(params)
        item = await self._item(visit, values)
        document: Document = dict(operation.fixed)
        for field in operation.fields:
            given = getattr(params, field.name, "") or ()
            if field.kind == "secret":
                continue
            if given and params.preset:
                document[field.name] = [*given] if is_list(field) and not isinstance(given, str) else given
            elif params.preset and field.kind == "choices":
                document[field.name] = []
            elif item is not None and operation.verb == "patch":
                document[field.name] = item.document.get(field.name, "")
        return await self._form(visit, values, document, item)

    async def take(self, params: Any, visit: Visit) -> Reply:
        """Carry it out; a form that is not right is shown again with what is wrong."""
        visit.check_form(params.form_token)
        operation, values = self._operation, self._values(params)
        item = await self._item(visit, values)
        document: Document = {}
        try:
            document = document_of(operation, params)
            if operation.named and item is not None:
                _demand_confirmed(params, str(item.document[operation.named]))
            answer = await self._run(visit, params, values, document)
        except StaleError as error:
            fresh = await self._item(visit, values)
            return await self._form(visit, values, document, fresh, [error], status=412)
        except FlawsError as error:
            return await self._form(
                visit, values, document or _typed(operation, params), item, [error], status=error.kind.status
            )
        except LingpaiError as error:
            if error.kind in {Kind.NOT_ALLOWED, Kind.STORE_UNAVAILABLE}:
                raise
            given = document or _typed(operation, params)
            return await self._form(visit, values, given, item, [error], status=error.kind.status)
        secret = answer.get(operation.secret) if operation.secret else None
        if operation.secret:
            name = self._name(values)
            return visit.page(
                "secret", operation=operation, secret=secret, name=name, back=self._back(values)
            )
        return visit.redirect(self._back(values, done=operation.full_name))

    async def _run(self, visit: Visit, params: Any, values: Values, document: Document) -> Document:
        operation, key = self._operation, self._operation.key_of(values)
        port = visit.port(params.reason.strip())
        condition = Condition((params.etag,)) if params.etag else None
        if operation.verb == "put":
            saved = await port.put(operation.kind, key, document, ABSENT)
            return {**saved.item.document, **saved.secrets}
        if operation.verb == "patch":
            saved = await port.patch(operation.kind, key, document, condition)
            return {**saved.item.document, **saved.secrets}
        if operation.verb == "remove":
            return await port.remove(operation.kind, key)
        if not operation.secret or not params.once:
            return await port.act(operation.kind, key, operation.action, document)
        return await self._run_once(visit, params, key, document)

    async def _run_once(
        self, visit: Visit, params: Any, key: tuple[str, ...], document: Document
    ) -> Document:
        """Carry out what makes a secret: the same form again shows the same secret, and makes no other."""
        operation, resource = self._operation, BY_KIND[self._operation.kind]
        await visit.port().demand_action(operation.kind, operation.action, key, document)
        site = visit.site(params.reason.strip())

        async def act(nonce: bytes) -> Document:
            port = Local(dataclasses.replace(site, nonce=nonce))
            return await port.act(operation.kind, key, operation.action, document)

        def again(nonce: bytes, kept: Document) -> Any:
            return resource.secret_again(dataclasses.replace(site, nonce=nonce), key, kept)

        name = visit.operator.session.name if visit.operator is not None else ""
        names = (params.once, f"console {name}", f"{operation.full_name} {'/'.join(key)}")
        return await self._repeats.once(names, document, act, operation.secret, again)

    async def _item(self, visit: Visit, values: Values) -> Item | None:
        """Return the thing; None for one that is to be added."""
        operation = self._operation
        if operation.makes or operation.kind == "tokens":
            return None
        return await visit.port().read(operation.kind, operation.key_of(values))

    async def _form(
        self,
        visit: Visit,
        values: Values,
        document: Document,
        item: Item | None,
        errors: list[LingpaiError] | None = None,
        *,
        status: int = 200,
    ) -> Reply:
        operation, words = self._operation, CATALOGUES[visit.language]
        hit = None
        if operation.count is not None and item is not None:
            hit = await operation.count(visit.port(), item, values)
        named = {
            **values,
            "login": item.document.get("login", "") if item is not None else document.get("login", "…"),
        }
        differences = _differences(item, document) if operation.verb == "patch" else []
        names = {name for name, _, _ in differences}
        meant = {name: value for name, value in document.items() if not names or name in names}
        typed = str(item.document[operation.named]) if operation.named and item is not None else ""
        return visit.page(
            "operation",
            status,
            operation=operation,
            text=words["operations"][operation.full_name],
            name=self._name(named),
            values=values,
            document={field.name: "" for field in operation.fields} | document,
            etag=item.etag if item is not None and operation.verb == "patch" else "",
            once=secrets.token_hex(_ONCE_BYTES),
            typed=typed,
            hit=hit,
            differences=differences,
            problems=[each for error in errors or () for each in _problems(visit, error)],
            stale=next((each.changed for each in errors or () if isinstance(each, StaleError)), None),
            choices={"platform": [*visit.desk.site.keeper.platforms]},
            command=command_of(operation, {name: text or "…" for name, text in named.items()}, meant),
            call=call_of(operation, named, meant),
            back=self._back(values),
        )

    def _values(self, params: Any) -> Values:
        return {name: getattr(params, name).strip() for name in self._operation.key}

    def _name(self, values: Values) -> str:
        if "platform" in values:
            return account_name(values) if values["account"] else ""
        return values.get("login") or values[self._operation.key[-1]]

    def _back(self, values: Values, done: str = "") -> str:
        page = self._operation.back or self._operation.kind
        return url(page, realm=values.get("realm", ""), done=done)


def _demand_confirmed(params: Any, name: str) -> None:
    """Check the name and the reason that a dangerous operation asks for.

    Raises:
        LingpaiError: INVALID_PARAMETER, MISSING_PARAMETER.
    """
    if params.typed.strip() != name:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "The name that you typed is another one.", parameter="typed"
        )
    if not params.reason.strip():
        raise LingpaiError(
            Kind.MISSING_PARAMETER, "A reason is needed; the audit trail shows it.", parameter="reason"
        )


def _typed(operation: Operation, params: Any) -> Document:
    """Return what was typed, for the form that is shown again; never a secret."""
    return {
        field.name: [*getattr(params, field.name)] if field.kind == "choices" else getattr(params, field.name)
        for field in operation.fields
        if field.kind != "secret"
    }


def _differences(item: Item | None, document: Document) -> list[tuple[str, str, str]]:
    """Return the name of each field that would change, with its value before and after."""
    if item is None:
        return []
    return [
        (name, shown(item.document[name]), shown(value))
        for name, value in document.items()
        if name in item.document
        and item.document[name] != (tuple(value) if isinstance(item.document[name], tuple) else value)
    ]


def shown(value: Any) -> str:
    """Return the value of a document's field as text."""
    if isinstance(value, str):
        return value or "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    return msgspec.json.encode(value).decode()


def _problems(visit: Visit, error: LingpaiError) -> list[tuple[str, str]]:
    """Return what is wrong as pairs of a field's name, or "", and a text."""
    if isinstance(error, FlawsError):
        return [(flaw.field, reason_in(visit.language, flaw.text)) for flaw in error.flaws]
    return [(error.parameter or "", reason_in(visit.language, error.reason))]
