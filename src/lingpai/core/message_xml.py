"""The XML of messages that WeChat and WeCom push: an element `xml` whose children are the fields.

Documents with a document type are refused, so there are no entities to expand (docs/spec/threats.md).
"""

from collections.abc import Mapping
from typing import Any, Final

_DEEPEST: Final = 16
_NUMBERS: Final = frozenset({"CreateTime", "TimeStamp", "MsgId", "AgentID"})
"""Fields that the platforms write without CDATA."""


class MessageXmlError(Exception):
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
            raise MessageXmlError("too deep")
        if self._depth == 1 and name != "xml":
            raise MessageXmlError("not an element xml")
        if self._depth == 2:  # noqa: PLR2004  a child of the root
            if name in self.fields:
                raise MessageXmlError("a field twice")
            self._name = name
            self.fields[name] = ""

    def end(self, _name: str) -> None:
        self._depth -= 1

    def text(self, text: str) -> None:
        if self._depth == 2:  # noqa: PLR2004
            self.fields[self._name] += text

    def refuse(self, *_: Any) -> None:
        raise MessageXmlError("a document type")


def read_fields(body: bytes) -> dict[str, str]:
    """Return the fields of a message by name; of those with elements in them the text around these.

    Raises:
        MessageXmlError: the body is no such document.
    """
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
        raise MessageXmlError("not XML") from error
    return {name: text.strip() for name, text in reader.fields.items()}


def write_fields(fields: Mapping[str, str]) -> bytes:
    """Return fields as such a document; numbers as they are, all others in CDATA."""
    inside = "".join(f"<{name}>{_value(name, text)}</{name}>" for name, text in fields.items())
    return f"<xml>{inside}</xml>".encode()


def _value(name: str, text: str) -> str:
    if name in _NUMBERS and text.isdecimal():
        return text
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
