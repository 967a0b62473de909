"""Making the store agree with declarations: all changes are planned first, and made only when all plans are well."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr
from lingpai.operating.sections import SECTIONS
from lingpai.operating.sections.section import Change, Section, Stage

ORDER = ("add", "change", "remove")
AT_ONCE = 256


class Planned(NamedTuple):
    """A change and the section it belongs to."""

    section: str
    change: Change


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
