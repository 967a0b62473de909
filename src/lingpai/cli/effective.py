"""Settings one by one, as they are in effect, fit to be shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from lingpai.settings import Settings
from lingpai.settings.sources import place_of

HIDDEN = "***"


class Effective(NamedTuple):
    """One setting.

    Attributes:
        name: with its group, such as `keeper.patience`.
        value: without passwords.
        source: where it was set, as `settings.sources.place_of` names it; "" for a default.
    """

    name: str
    value: Any
    source: str


def effective_settings(settings: Settings, data: Path | None) -> Iterator[Effective]:
    """Yield every setting, in the order of the reference page.

    Args:
        settings: as they were loaded.
        data: the folder of the command line, or None.
    """
    given = () if data is None else ("data",)
    derived = {"store": str(settings.database), "key_ring": str(settings.key_ring_file)}
    for path, found, is_set in _leaves(settings, []):
        value = derived.get(".".join(path), found) if found in (None, SecretStr("")) else found
        source = place_of(path, given, data) if is_set else ""
        yield Effective(".".join(path), _public(value), source)


def _leaves(model: BaseModel, above: list[str]) -> Iterator[tuple[list[str], Any, bool]]:
    """Yield every setting by its path, its value, and whether any source set it."""
    for name in type(model).model_fields:
        path, value = [*above, name], getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, path)
        elif isinstance(value, dict) and any(isinstance(each, BaseModel) for each in value.values()):
            for key, each in value.items():
                yield from _leaves(each, [*path, str(key)])
        else:
            yield path, value, name in model.model_fields_set


def _public(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return _without_password(value.get_secret_value())
    if isinstance(value, str):
        return _without_password(value)
    if isinstance(value, dict):
        return {str(name): _public(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_public(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _without_password(text: str) -> str:
    """Return an address without user, password and query, which may be secret; other text unchanged."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        return text
    place, asks, query = rest.partition("?")
    user, at, host = place.rpartition("@")
    if "@" in query and not at:  # a password with a question mark in it
        return f"{scheme}://{HIDDEN}"
    shown = f"{HIDDEN}@{host}" if user else host
    return f"{scheme}://{shown}?{HIDDEN}" if asks else f"{scheme}://{shown}"
