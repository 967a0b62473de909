"""Reading a declaration file, and making the store agree with it."""

import asyncio
import itertools
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from lingpai.cli.messages import tr
from lingpai.cli.output import note
from lingpai.cli.problems import Problem, not_text
from lingpai.cli.sections import SECTIONS
from lingpai.cli.sections.references import is_literal
from lingpai.cli.sections.section import Change, Section, Stage
from lingpai.core.text import TextError, read_text

MAX_BYTES = 16 * 1024 * 1024
SECRET_FIELDS = ("secret", "key", "password", "password_hash", "msign")
ORDER = ("add", "change", "remove")
AT_ONCE = 256


class Planned(NamedTuple):
    """A change and the section it belongs to."""

    section: str
    change: Change


def read_file(path: Path) -> dict[str, Any]:
    """Read a declaration file: TOML, or JSON when its name ends in .json.

    Raises:
        Problem: it is neither, or has unknown sections.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    if len(content) > MAX_BYTES:
        raise Problem(tr("{path} is too large to be a declaration file.", path=path))
    try:
        text = read_text(content, str(path))
        is_json = path.suffix == ".json"
        document = msgspec.json.decode(text, type=dict[str, Any]) if is_json else tomllib.loads(text)
    except TextError as error:
        raise Problem(not_text(error)) from error
    except (msgspec.MsgspecError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise Problem(tr("{path} cannot be understood: {problem}", path=path, problem=error)) from error
    known = [section.name for section in SECTIONS]
    unknown = [name for name in document if name not in known]
    if unknown:
        raise Problem(
            tr("{path} has unknown sections {names}; known sections: {known}.",
               path=path, names=", ".join(unknown), known=", ".join(known))
        )  # fmt: skip
    _warn_of_readers(path, document)
    return document


async def plan_all(stage: Stage, document: Mapping[str, Any], *, prune: bool) -> list[Planned]:
    """Return every change that the file asks for, without making it.

    Args:
        stage: the environment of the planners.
        document: the file's content.
        prune: whether entries that a section of the file does not name are removed. Sections that are not in the
            file do not change.

    Raises:
        Problem: with all problems.
    """
    planned: list[Planned] = []
    problems: list[str] = []
    for section in SECTIONS:
        if section.name not in document:
            continue
        changes, found = await section.plan(stage, _entries(section, document), prune)
        planned += [Planned(section.name, change) for change in changes]
        problems += found
    if problems:
        raise Problem(" ".join([tr("Nothing was changed."), *problems]))
    return planned


async def perform(planned: Sequence[Planned], made: list[Planned], advance: Callable[[int], None]) -> None:
    """Make the changes, many at a time, which the store commits together.

    Additions are made in the order of the sections; removals last and backwards, so that no entry is removed that
    another one still needs.

    Args:
        planned: of `plan_all`.
        made: gets the changes that were made, also when others fail or the command is interrupted.
        advance: called with the number of changes just made.

    Raises:
        Problem: the same entries were changed at the same time.
        LingpaiError: STORE_UNAVAILABLE.
    """
    for action in ORDER:
        ordered = planned if action != "remove" else planned[::-1]
        wanted = [each for each in ordered if each.change.action == action]
        for _, group in itertools.groupby(wanted, key=lambda each: each.section):
            changes = list(group)
            for start in range(0, len(changes), AT_ONCE):
                batch = changes[start : start + AT_ONCE]
                # All changes finish before a failure ends the command, so that the list of changes made is complete.
                ends = await asyncio.gather(
                    *(_carry_out(each, made) for each in batch), return_exceptions=True
                )
                for failure in filter(None, ends):
                    raise failure
                advance(len(batch))


async def _carry_out(planned: Planned, made: list[Planned]) -> None:
    made.append(planned)  # after an interruption from here on, the change may have been made
    try:
        await planned.change.perform()
    except Exception:
        made.remove(planned)
        raise


def _entries(section: Section[Any], document: Mapping[str, Any]) -> list[Any]:
    try:
        return section.read(document[section.name])
    except msgspec.ValidationError as error:
        problem = str(error).replace("$", "")
        raise Problem(f"{tr('Nothing was changed.')} {section.name}: {problem}") from error


def _warn_of_readers(path: Path, document: Mapping[str, Any]) -> None:
    entries = [entry for entries in document.values() if isinstance(entries, list) for entry in entries]
    literal = any(
        is_literal(str(entry.get(name, "")))
        for entry in entries
        if isinstance(entry, dict)
        for name in SECRET_FIELDS
    )
    if literal and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        note(
            tr(
                "Note: {path} contains secrets and other users can read it: run chmod 600, or "
                "use env:NAME or file:PATH.",
                path=path,
            )
        )
