"""The parameters of the sample's routes."""

from typing import Annotated

import msgspec

Word = Annotated[str, msgspec.Meta(max_length=64)]


class NoParams(msgspec.Struct):
    """A route without parameters."""


class PageParams(msgspec.Struct):
    """A page; `lang` is the language of its switch."""

    lang: str = ""


class DialectParams(msgspec.Struct):
    """A route of a dialect; `lang` is the language of its switch."""

    dialect: Word
    lang: str = ""


class CallbackParams(msgspec.Struct):
    """The authorization response."""

    dialect: Word
    code: str = ""
    state: str = ""
    iss: str = ""
    error: str = ""
    error_description: str = ""


class CodeParams(msgspec.Struct):
    """The code that a page got by its script."""

    dialect: Word
    code: str


class ViewParams(msgspec.Struct):
    """A further page of a dialect; `lang` is the language of its switch."""

    dialect: Word
    view: Word
    lang: str = ""


class ActionParams(msgspec.Struct):
    """A form of such a page; `action` is its button."""

    dialect: Word
    view: Word
    action: Word
