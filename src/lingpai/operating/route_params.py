"""The parameters of the admin API's routes, as structs that the edge reads."""

import functools
from typing import Annotated, Any, Final, Literal

import msgspec

from lingpai.operating.port import Key
from lingpai.operating.resources.resource import Resource

MOST_LISTED: Final = 500

Fields = dict[str, tuple[Any, Any]]
"""Type and default of each parameter; `msgspec.NODEFAULT` for one that has to be there."""
Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_LISTED, description="How many at most.")]
After = Annotated[str, msgspec.Meta(description="`next` of the page before.")]
Counted = Annotated[
    Literal["", "0", "1"],
    msgspec.Meta(description="1: say how many there are; counting stops at 10,000, and then says `more`."),
]
Flag = Annotated[Literal["", "0", "1"], msgspec.Meta(description="1: as the field of this name.")]
DryRun = Annotated[
    Literal["", "0", "1"], msgspec.Meta(description="1: check everything, and change nothing.")
]
PAGING: Final[Fields] = {
    "limit": (Limit, 50),
    "after": (After, ""),
    "count": (Counted, ""),
}
BODY: Final[Fields] = {"document": (dict[str, Any], msgspec.field(default_factory=dict))}


def params_of(name: str, fields: Fields) -> type[msgspec.Struct]:
    """Return the struct of a route's parameters; `name` distinguishes it in the OpenAPI document."""
    return _struct_of(name, tuple((field, *declared) for field, declared in fields.items()))


@functools.cache
def _struct_of(name: str, declared: tuple[tuple[str, Any, Any], ...]) -> type[msgspec.Struct]:
    """Return the struct of a route's parameters: name, type and default of each. Each site declares the same ones."""
    fields: list[Any] = [each[:2] if each[2] is msgspec.NODEFAULT else each for each in declared]
    return msgspec.defstruct(name, fields, kw_only=True)


def strings(names: tuple[str, ...]) -> Fields:
    """Return texts that have to be there."""
    return dict.fromkeys(names, (str, msgspec.NODEFAULT))


def filters(resource: Resource[Any]) -> Fields:
    """Return what a list of this kind can be filtered by."""
    return {
        name: (Annotated[str, msgspec.Meta(description=text)], "") for name, text in resource.filters.items()
    }


def key_of(params: Any, names: tuple[str, ...]) -> Key:
    """Return the key of a thing, or of what a list is in, from its parts in the path."""
    return tuple(getattr(params, name) for name in names)
