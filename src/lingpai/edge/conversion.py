"""From the values of a request to the struct that a route declares, or to the error that names what is wrong."""

from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.edge.urlencoded import blank, check, invalid, repeated

_DECLARED: Final = WeakKeyDictionary[type[msgspec.Struct], tuple[msgspec.structs.FieldInfo, ...]]()
"""The fields of structs by struct: many routes share one, and to read its type hints takes longer than all else that
prepares a route."""


def fields_of(params: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Return the fields that a struct of parameters declares."""
    fields = _DECLARED.get(params)
    if fields is None:
        fields = _DECLARED[params] = msgspec.structs.fields(params)
    return fields


class Conversion:
    """Converts the parameters of one route. Prepared once, used for each request.

    Args:
        params: the struct that declares them.
        names: those that JSON may bring.
        value_limit: characters of a value.
        one_place: whether a name in two places is an error also when both have the same value.
    """

    def __init__(
        self, params: type[msgspec.Struct], names: frozenset[str], value_limit: int, *, one_place: bool
    ) -> None:
        self._params = params
        self._fields = fields_of(params)
        self._names = names
        self._required = tuple(field.encode_name for field in self._fields if field.required)
        self._value_limit, self._one_place = value_limit, one_place

    def from_texts(self, values: dict[str, Any]) -> Any:
        """Return the struct of texts by name.

        Raises:
            LingpaiError: MISSING_PARAMETER, INVALID_PARAMETER.
        """
        try:
            return msgspec.convert(values, self._params, strict=False)
        except msgspec.ValidationError as fault:
            raise self.fault(values, {}, fault) from None

    def from_objects(self, texts: dict[str, str], found: dict[str, Any]) -> Any:
        """Return the struct of JSON values by name, which keep their types, and of texts that came beside them.

        Raises:
            LingpaiError: MISSING_, INVALID_ or REPEATED_PARAMETER.
        """
        objects = {}
        for name in self._names & found.keys():
            value = found[name]
            if value is None or (isinstance(value, str) and blank(value)):
                continue
            if isinstance(value, str):
                check(name, value, self._value_limit)
            if name in texts and (self._one_place or texts.pop(name) != value):
                raise repeated(name)
            objects[name] = value
        try:
            if not texts:
                return msgspec.convert(objects, self._params)
            values = {
                field.name: msgspec.convert(source[field.encode_name], field.type, strict=strict)
                for source, strict in ((texts, False), (objects, True))
                for field in self._fields
                if field.encode_name in source
            }
            return self._params(**values)
        except (msgspec.ValidationError, TypeError, ValueError) as fault:
            raise self.fault(texts, objects, fault) from None

    def fault(self, texts: Mapping[str, str], objects: Mapping[str, Any], fault: Exception) -> LingpaiError:
        """Return the error that names the field at fault: the first one missing, or else the first of a wrong kind.

        msgspec's own words may quote the value, so only its harmless ones go out.
        """
        for name in self._required:
            if name not in texts and name not in objects:
                return LingpaiError(Kind.MISSING_PARAMETER, f"parameter {name} is missing", parameter=name)
        for source, strict in ((texts, False), (objects, True)):
            for field in self._fields:
                if field.encode_name not in source:
                    continue
                try:
                    msgspec.convert(source[field.encode_name], field.type, strict=strict)
                except msgspec.ValidationError as why:
                    expected = str(why).partition(" - at ")[0]
                    plain = expected.startswith("Expected ")
                    return invalid(
                        field.encode_name, f"is not valid: {expected}" if plain else "is not valid"
                    )
        return LingpaiError(Kind.INVALID_PARAMETER, "the parameters do not fit together", detail=str(fault))
