"""Reading a declaration file for `lingpai apply`."""

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from lingpai.cli.output import note
from lingpai.cli.references import resolved
from lingpai.core.text import TextError, read_text
from lingpai.messages.problems import Problem, not_text
from lingpai.messages.translating import tr
from lingpai.operating.sections import SECTIONS
from lingpai.operating.sections.section import is_reference

MAX_BYTES = 16 * 1024 * 1024


def read_file(path: Path) -> dict[str, Any]:
    """Read a declaration file: TOML, or JSON when its name ends in .json.

    References to secrets are replaced by what they lead to.

    Raises:
        Problem: it is neither, has unknown sections, or a reference leads nowhere.
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
    # By way of JSON, as a service reads it: TOML's dates are texts there.
    return resolved(msgspec.json.decode(msgspec.json.encode(document)), path.parent)


def _warn_of_readers(path: Path, document: Mapping[str, Any]) -> None:
    entries = [
        (section, entry)
        for section in SECTIONS
        if isinstance(document.get(section.name), list)
        for entry in document[section.name]
    ]
    literal = any(
        entry.get(name) and not is_reference(str(entry[name]))
        for section, entry in entries
        if isinstance(entry, dict)
        for name in section.secrets
    )
    if literal and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        note(
            tr(
                "Note: {path} contains secrets and other users can read it: run chmod 600, or "
                "use env:NAME or file:PATH.",
                path=path,
            )
        )
