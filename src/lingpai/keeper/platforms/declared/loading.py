"""Files that describe platforms: found, read, checked, made into `PlatformType`."""

import os
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
from dotenv import dotenv_values
from pydantic import Field, create_model

from lingpai.core.plugins import DescriptionError
from lingpai.keeper.platforms.declared.building import (
    key_number,
    number_of,
    platform_of,
    sample_secret,
    with_base_url,
)
from lingpai.keeper.platforms.declared.checks import faults_of
from lingpai.keeper.platforms.declared.drop_ins import drop_ins_of
from lingpai.keeper.platforms.declared.locating import at, nearest, unreadable
from lingpai.keeper.platforms.declared.schema import Declared, Name, names_of
from lingpai.keeper.platforms.declared.shape import EnvelopeShape, Numbers
from lingpai.keeper.platforms.platform_type import PlatformType, Text
from lingpai.keeper.platforms.registry import PLATFORMS
from lingpai.keeper.platforms.settings import PlatformSettings, own_url

_STEP: Final = re.compile(r"\.[^.\[]+|\[\d+\]|\[\.\.\.\]")
FOLDER: Final = "platforms"
"""Beside `lingpai.toml`, in the working directory and in the data folder."""
_OURS: Final = resources.files("lingpai.keeper.platforms") / "described"


def described(name: str) -> PlatformType:
    """Return a platform of ours that a file describes."""
    return platform_type_of((_OURS / f"{name}.toml").read_text("utf-8"), f"{name}.toml")


def operators() -> Iterator[PlatformType]:
    """Yield the platforms that the operator's files describe, by the names of the files.

    Raises:
        DescriptionError: one of them cannot be used.
    """
    seen: set[Path] = set()
    for folder in folders():
        for file in sorted(folder.glob("*.toml")):
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield load(file)


def folders() -> list[Path]:
    """Return the folders in which an operator's files are.

    They have to be known before the options of a command are, in workers too, so the data folder is looked up in the
    arguments as they are.
    """
    variable = "LINGPAI_DATA"
    data = _argument(sys.argv[1:]) or os.environ.get(variable) or dotenv_values(".env").get(variable)
    return [Path(FOLDER), *([Path(data) / FOLDER] if data else [])]


def _argument(arguments: Sequence[str]) -> str:
    """Return the data folder that a command line names, or ""."""
    for number, each in enumerate(arguments):
        name, equals, value = each.partition("=")
        if name == "--data":
            return value if equals else "".join(arguments[number + 1 : number + 2])
    return ""


def load(file: Path) -> PlatformType:
    """Return the platform that a file describes.

    Raises:
        DescriptionError: the file cannot be read, or something is wrong in it; the message names file and line.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DescriptionError(str(file), 1, "", f"cannot be read: {_reason(error)}") from error
    return platform_type_of(text, str(file))


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "it is not UTF-8"


def platform_type_of(text: str, file: str) -> PlatformType:
    """Return the platform that a text describes.

    Args:
        text: TOML.
        file: where it is from, for messages.

    Raises:
        DescriptionError: something is wrong in it.
    """
    declared = read(text, file)
    fault = next(faults_of(declared), None)
    if fault is not None:
        raise at(file, text, fault.path, fault.problem)
    return _type_of(declared)


def read(text: str, file: str) -> Declared:
    """Return a description whose form is right.

    Raises:
        DescriptionError: it is not.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise unreadable(file, error) from error
    document.setdefault("name", Path(file).stem)
    try:
        return msgspec.convert(document, Declared)
    except msgspec.ValidationError as error:
        raise _explained(file, text, document, str(error)) from error


def _explained(file: str, text: str, document: dict[str, Any], message: str) -> DescriptionError:
    """Return msgspec's message with the line and, for an unknown name, the one that was probably meant."""
    problem, _, where = message.partition(" - at `$")
    path = _path_of(document, where.rstrip("`"))
    unknown = problem.removeprefix("Object contains unknown field `")
    if unknown != problem:
        name = unknown.rstrip("`")
        known = names_of([each for each in path if not each.isdigit()])
        hint = nearest(name, known) or f"; known names: {', '.join(known)}"
        return at(file, text, [*path, name], f"is not known{hint}")
    return at(file, text, path, problem[:1].lower() + problem[1:])


def _path_of(document: Any, where: str) -> list[str]:
    """Return the names of a path such as `.token.limits[0]`; `[...]` is a name of a table of any names."""
    path: list[str] = []
    here = document
    for part in _STEP.findall(where):
        any_name = part == "[...]" and isinstance(here, dict) and len(here) == 1
        name = next(iter(here)) if any_name else part.strip("[].")
        if not name:
            break
        path.append(name)
        here = _at(here, name)
    return path


def _at(document: Any, name: str) -> Any:
    if isinstance(document, list) and name.isdigit():
        return document[int(name)]
    return document.get(name) if isinstance(document, dict) else None


def _type_of(declared: Declared) -> PlatformType:
    sample = platform_of(declared, declared.base_url, declared.addresses)
    settings = _settings_of(declared)
    has_shape = bool(declared.answer.code)
    return PlatformType(
        name=declared.name,
        account_word=declared.account.word,
        settings=settings,
        describe=lambda given: with_base_url(
            declared,
            given.base_url or "",
            {name: getattr(given, f"{name}_url") for name in declared.addresses},
        ),
        remedies={
            key_number(declared, key): Text(each.en, each.zh)
            for key, each in declared.errors.remedies.items()
        },
        drop_ins=tuple(drop_ins_of(declared, sample.envelope)) if has_shape else (),
        shape=EnvelopeShape(sample.envelope, _numbers(declared)) if has_shape else None,
        samples={account: sample_secret(secret) for account, secret in declared.sandbox.items()},
        described=True,
    )


def _numbers(declared: Declared) -> Numbers:
    errors = declared.errors

    def first(*groups: tuple[Name, ...]) -> int:
        return next((number_of(declared, each) for group in groups for each in group), -1)

    secret = first(errors.permanent, errors.caller)
    return Numbers(
        secret=secret,
        token=first(errors.dead, errors.permanent),
        caller=first(errors.caller, errors.permanent),
        busy=first(errors.transient, errors.permanent),
    )


class DescribedSettings(PlatformSettings):
    """Settings of a described platform: workers get them pickled, and make the class anew of the platform's file.

    Attributes:
        platform: its name.
    """

    platform: ClassVar[str]

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes them again."""
        return settings_again, (self.platform, dict(self), self.model_fields_set)


def settings_again(platform: str, values: dict[str, Any], given: set[str]) -> PlatformSettings:
    """Return settings of a described platform with these values, which were checked before; `given` by an operator."""
    return PLATFORMS.all()[platform].settings.model_construct(given, **values)


def _settings_of(declared: Declared) -> type[PlatformSettings]:
    segments = {
        "/" + each.split("/", 2)[1] for each in platform_of(declared, "", {}).paths if each.count("/") > 1
    }
    url = own_url(frozenset(segments))
    fields: dict[str, Any] = {
        f"{name}_url": (
            url | None,
            Field(
                default=None,
                description=f"Where the address `{name}` of the platform is; {usual} when unset.",
            ),
        )
        for name, usual in declared.addresses.items()
    }
    if declared.base_url:
        fields["base_url"] = (url, declared.base_url)
    found = create_model(
        f"{declared.name.title().replace('_', '')}Settings",
        __base__=DescribedSettings,
        __doc__=declared.title or f"The platform {declared.name}.",
        __module__=__name__,
        **fields,
    )
    found.platform = declared.name
    return found
