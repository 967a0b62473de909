"""Read the settings from all their sources, and report every problem at once."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from lingpai.core.records import ENV, Account
from lingpai.core.setting_types import Section
from lingpai.keeper.platforms.registry import platform_types
from lingpai.messages.problems import SettingsError
from lingpai.settings.model import Settings
from lingpai.settings.realm_sections import RealmSettings
from lingpai.settings.realms import realm_problems
from lingpai.settings.sources import (
    ENV_FILE,
    LEGACY_PREFIX,
    PREFIX,
    environment_variables,
    explain_unreadable,
    file_variables,
    mistyped,
    nearest,
    place_of,
)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from all sources; `overrides` (of the command line) win, None among them counts as not given.

    Raises:
        SettingsError: with every problem.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems = [_explain(each, given) for each in error.errors()]
        raise SettingsError([*problems, *_mistyped()]) from error
    except (ValueError, RecursionError) as error:  # an unreadable source
        raise SettingsError([explain_unreadable(error, _lists())]) from error
    settings.found_in(given.get("data"))
    problems = list(_contradictions(settings))
    if problems:
        raise SettingsError(problems)
    return settings


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.keeper.lease <= settings.upstream_timeout:
        yield (
            "keeper.lease must be longer than upstream_timeout, or two workers may fetch at the same time."
        )
    for name in platform_types():
        if settings.keeper.lease <= (settings.platform(name).timeout or 0):
            yield f"keeper.lease must be longer than {name}.timeout, or two workers may fetch at the same time."
    if settings.store_address.dsn is not None and importlib.util.find_spec("asyncpg") is None:
        yield "store: PostgreSQL's client is not there: `pip install lingpai[postgresql]`."
    logos = list(_unusable_logos(settings))
    yield from logos or realm_problems(settings.all_realms(), settings.enabled_realms())
    yield from _mistyped()


def _unusable_logos(settings: Settings) -> Iterator[str]:
    for name, section in settings.realms.items():
        try:
            section.brand.read(settings.data)
        except ValueError as error:
            yield f"realms.{name}.{error}."


def _groups() -> dict[str, type[BaseModel]]:
    """Return the groups of settings by their names in the environment; for realms, what each of them has."""
    kinds = {name.upper(): field.annotation for name, field in Settings.model_fields.items()}
    sections = {
        name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Section)
    }
    return {**sections, "REALMS": RealmSettings}


def _lists() -> set[str]:
    return {
        name.upper()
        for group in _groups().values()
        for name, field in group.model_fields.items()
        if get_origin(field.annotation) is tuple
    }


def _mistyped() -> Iterator[str]:
    groups = _groups()
    alone = [name.upper() for name in Settings.model_fields if name.upper() not in groups]
    grouped = [
        f"{group}__{name.upper()}"
        for group, section in groups.items()
        if group != "REALMS"  # their paths contain the realm's name
        for name in section.model_fields
    ]
    yield from mistyped([*alone, *grouped], groups)


def _explain(problem: Any, given: dict[str, Any]) -> str:
    path = [str(part) for part in problem["loc"]]
    place = place_of(path, given, given.get("data"))
    name = ".".join(path)
    if problem["type"] == "extra_forbidden":
        like = nearest(path, _dotted(path))
        if like:
            return f"{place}: there is no setting {name}; is {like} meant?"
        return f"{place}: there is no setting {name}."
    where = place or f"environment: {PREFIX}{'__'.join(path).upper()}"
    return f"{where}: {name}: {problem['msg'].removeprefix('Value error, ')}"


def _dotted(path: list[str]) -> list[str]:
    """Return all settings as `group.name`; of realms, those of the realm that `path` is about."""
    found = [name for name in Settings.model_fields if name.upper() not in _groups()]
    for group, section in _groups().items():
        realm = f".{path[1]}" if group == "REALMS" and len(path) > 1 else ""
        found += [f"{group.lower()}{realm}.{name}" for name in section.model_fields]
    return found


def legacy_accounts(env_file: Path = Path(ENV_FILE)) -> tuple[Account, ...]:
    """Return the accounts that `.env` or the environment sets as `THIRD_APPID_<appid>=<secret>`, as the original did.

    Raises:
        TextError: `.env` cannot be read.
    """
    entries = {**file_variables(env_file), **environment_variables()}
    return tuple(
        Account(platform="wechat", account=name.removeprefix(LEGACY_PREFIX), secret=secret, source=ENV)
        for name, secret in sorted(entries.items())
        if name.startswith(LEGACY_PREFIX) and secret
    )
