"""The page of settings, from the fields of `lingpai.settings.Settings`."""

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import lingpai.settings.model
from docs.generator.markdown import attributes, code, documented_fields, head, joined, prose, table
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.policy import Policy
from lingpai.settings.realms import COUNTS, DURATIONS, MAY_BE_ZERO, SWITCHES

_SIGNS = ((Gt, "gt", ">"), (Ge, "ge", "≥"), (Lt, "lt", "<"), (Le, "le", "≤"))
_NAMES = {
    "str": "string", "SecretStr": "string", "Path": "path", "NoneType": "unset", "bool": "true or false",
    "int": "integer", "float": "number",
}  # fmt: skip


class Setting(NamedTuple):
    """One setting; `path` is its name in lingpai.toml, part by part, with `<name>` for a part that users choose."""

    path: tuple[str, ...]
    field: FieldInfo
    meaning: str

    @property
    def name(self) -> str:
        """Its name in lingpai.toml."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """Its name in the environment and in .env."""
        return "LINGPAI_" + "__".join(part if part.startswith("<") else part.upper() for part in self.path)


def settings() -> list[Setting]:
    """Every setting there is, in the order of the code."""
    return list(_fields(lingpai.settings.Settings, ()))


def page() -> str:
    """The page."""
    sources = inspect.cleandoc(lingpai.settings.model.__doc__ or "").split("\n\n", 1)[1]
    sample = '[keeper]\npatience = 5.0\ntrusted_networks = ["10.0.0.0/8"]'
    blocks = head(
        "Settings", sources,
        f"`lingpai.toml` and `.env` are read from the working directory:\n\n```toml\n{sample}\n```",
        "Lists in variables are JSON: `LINGPAI_KEEPER__TRUSTED_NETWORKS='[\"10.0.0.0/8\"]'`.",
    )  # fmt: skip
    every = settings()
    for section in dict.fromkeys(each.path[:-1] for each in every):
        blocks.append(f"## `[{'.'.join(section)}]`" if section else "## At the top")
        blocks.append(prose(_model_at(section).__doc__))
        rows = [
            (
                f"{code(each.path[-1])}<br>{code(each.variable)}",
                _kind(each.field),
                _default(each.field),
                each.meaning,
            )
            for each in every
            if each.path[:-1] == section
        ]
        blocks.append(table(("name, variable", "value", "default", "meaning"), rows))
    return joined([*blocks, *_policies()])


def _policies() -> list[str]:
    """What `realms.<name>.policy` may set, with the value that each protocol has."""
    about = attributes(Policy)
    names = (*DURATIONS, *COUNTS, *SWITCHES)
    policies = [each.policy for each in dialects().values()]
    rows = [
        (
            code(name),
            _bounds(name),
            *(_value(getattr(policy, name)) for policy in policies),
            about[name],
        )
        for name in names
    ]
    return [
        "### The protocols",
        table(
            ("protocol", "`prefix` when left out"),
            [(code(each.name), code(each.prefix) or "none") for each in dialects().values()],
        ),
        "### What `policy` may set",
        "Times are in whole seconds. The columns show the value of each protocol when the realm sets none.",
        table(("name", "value", *dialects(), "meaning"), rows),
    ]


def _bounds(name: str) -> str:
    if name in SWITCHES:
        return "0 or 1"
    if name in COUNTS:
        return f"1 to {COUNTS[name]}"
    return f"seconds, ≥ {0 if name in MAY_BE_ZERO else 1}"


def _value(value: int | None) -> str:
    return "no limit" if value is None else code(int(value))


def _fields(model: type[BaseModel], prefix: tuple[str, ...]) -> Iterator[Setting]:
    sections = []
    for name, field in model.model_fields.items():
        inner, part = _model_of(field.annotation)
        if inner is None:
            yield Setting((*prefix, name), field, documented_fields(model).get(name, ""))
        else:
            sections.append((inner, (*prefix, name, *part)))
    for inner, path in sections:
        yield from _fields(inner, path)


def _model_of(annotation: Any) -> tuple[type[BaseModel] | None, tuple[str, ...]]:
    """The section that a field is, and the part of the path that its user chooses, for a table of sections."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation, ()
    if get_origin(annotation) is dict and (value := _model_of(get_args(annotation)[1])[0]) is not None:
        return value, ("<name>",)
    return None, ()


def _model_at(section: tuple[str, ...]) -> type[BaseModel]:
    model: type[BaseModel] = lingpai.settings.Settings
    for part in section:
        if not part.startswith("<"):
            model = _model_of(model.model_fields[part].annotation)[0] or model
    return model


def _kind(field: FieldInfo) -> str:
    limits = [
        f"{sign} {getattr(each, attribute)}"
        for each in field.metadata
        for limit, attribute, sign in _SIGNS
        if isinstance(each, limit)
    ]
    return ", ".join((_type_name(field.annotation), *limits))


def _type_name(annotation: Any) -> str:
    if isinstance(annotation, str | int):
        return code(annotation or '""')
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        return f"list of {_type_name(arguments[0])}s"
    if origin is dict:
        return f"table of {_type_name(arguments[1]).replace('integer', 'integers')}"
    if arguments and hasattr(annotation, "__metadata__"):
        return _type_name(arguments[0])
    if arguments:
        return " or ".join(_type_name(each) for each in arguments)
    name = getattr(annotation, "__name__", str(annotation))
    return _NAMES.get(name, name)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "unset"
    if isinstance(value, tuple):
        return code("[" + ", ".join(f'"{each}"' for each in value) + "]")
    return code((str(value).lower() if isinstance(value, bool) else str(value)) or '""')
