"""The fields of a record that operators set, each described once; documents, comparison and entries derive from it."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

import msgspec

R = TypeVar("R", bound=msgspec.Struct)


class Fields(Generic[R]):
    """The settable fields of one kind of record. The record's struct says their types and defaults.

    Args:
        record: the struct.
        names: the settable fields, in the order in which documents show them.
        secrets: those of `names` that no document shows.
        shown: how documents show a field whose value they do not show as it is, by name.
    """

    def __init__(
        self,
        record: type[R],
        *names: str,
        secrets: tuple[str, ...] = (),
        shown: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> None:
        known = {field.name: field for field in msgspec.structs.fields(record)}
        self.record = record
        self.names = names
        self.secrets = secrets
        self._described = [known[name] for name in names]
        self._shown = {
            name: (shown or {}).get(name, lambda value: value) for name in names if name not in secrets
        }

    def shown(self, record: R) -> dict[str, Any]:
        """Return what a document shows of the settable fields."""
        return {name: show(getattr(record, name)) for name, show in self._shown.items()}

    def changed(self, known: R, wanted: R) -> tuple[str, ...]:
        """Return the names of the settable fields that differ."""
        return tuple(name for name in self.names if getattr(known, name) != getattr(wanted, name))

    def named(self, source: Any) -> dict[str, Any]:
        """Return the settable fields of anything that has attributes of their names."""
        return {name: getattr(source, name) for name in self.names}

    def entry(
        self, name: str, keys: Mapping[str, Any], *, kept: tuple[str, ...] = (), **further: Any
    ) -> type[Any]:
        """Return a struct for entries of files and bodies: unknown names are refused, and no value is in its repr.

        Args:
            name: of the struct.
            keys: the fields that identify an entry, required, with their types.
            kept: the texts that may be left out, which then are UNSET, and stay as they are.
            further: fields that no record has, with their defaults, such as the realm's name.
        """
        own: list[Any] = list(keys.items())
        own += [(each, type(default), default) for each, default in further.items()]
        own += [
            (field.name, str | msgspec.UnsetType, msgspec.UNSET)
            if field.name in kept
            else (field.name, field.type, self._default(field))
            for field in self._described
            if field.name not in keys and field.name not in further
        ]
        shows = tuple(keys)

        def describe(entry: Any) -> str:
            return f"{name}({'/'.join(str(getattr(entry, key)) for key in shows)})"

        return cast(
            "type[Any]",
            msgspec.defstruct(
                name, own, forbid_unknown_fields=True, kw_only=True, namespace={"__repr__": describe}
            ),
        )

    @staticmethod
    def _default(field: msgspec.structs.FieldInfo) -> Any:
        return "" if field.required else field.default  # a required one is a text, such as a secret
