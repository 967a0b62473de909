"""The fields of messages that WeChat and WeCom push: children of an element `xml`, or members of a JSON object.

Documents with a document type are refused, so there are no entities to expand (docs/spec/threats.md).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_DEEPEST: Final = 16
_NUMBERS: Final = frozenset({"CreateTime", "TimeStamp", "MsgId", "AgentID"})
"""Fields that the platforms write without CDATA."""


class MessageFieldsError(Exception):
    """A body is no such document."""


class _Reader:
    """Collects the texts of the root's children; what is inside of these is left out."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._depth = 0
        self._name = ""

    def start(self, name: str, _attributes: Any) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise MessageFieldsError("too deep")
        if self._depth == 1 and name != "xml":
            raise MessageFieldsError("not an element xml")
        if self._depth == 2:  # noqa: PLR2004  a child of the root
            if name in self.fields:
                raise MessageFieldsError("a field twice")
            self._name = name
            self.fields[name] = ""

    def end(self, _name: str) -> None:
        self._depth -= 1

    def text(self, text: str) -> None:
        if self._depth == 2:  # noqa: PLR2004
            self.fields[self._name] += text

    def refuse(self, *_: Any) -> None:
        raise MessageFieldsError("a document type")


def read_fields(body: bytes) -> dict[str, str]:
    """Return the fields of a message by name, those that are texts or numbers.

    Raises:
        MessageFieldsError: the body is no such document.
    """
    return _read_json(body) if body.lstrip()[:1] == b"{" else _read_xml(body)


def _read_json(body: bytes) -> dict[str, str]:
    try:
        body.decode()
        found = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MessageFieldsError("not JSON") from error
    return {
        name: str(value)
        for name, value in found.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }


def _read_xml(body: bytes) -> dict[str, str]:
    """Return the fields; of those with elements in them the text around these."""
    from xml.parsers import expat  # noqa: PLC0415  most workers never read any

    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError) as error:
        raise MessageFieldsError("not XML") from error
    return {name: text.strip() for name, text in reader.fields.items()}


def write_fields(fields: Mapping[str, str]) -> bytes:
    """Return fields as such a document; numbers as they are, all others in CDATA."""
    inside = "".join(f"<{name}>{_value(name, text)}</{name}>" for name, text in fields.items())
    return f"<xml>{inside}</xml>".encode()


def _value(name: str, text: str) -> str:
    if name in _NUMBERS and text.isdecimal():
        return text
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
