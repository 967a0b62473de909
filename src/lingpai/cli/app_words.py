"""What a table says of an app, by its document."""

from typing import Any

from lingpai.messages.translating import tr


def state_of(document: dict[str, Any]) -> str:
    """Return whether it may be used."""
    if document["disabled"]:
        return tr("disabled")
    return tr("active") if document["listed"] else tr("not published")


def origin_of(document: dict[str, Any]) -> str:
    """Return how it came."""
    return {
        "operator": tr("added by an operator"),
        "document": tr("client id document"),
        "token": tr("registered itself, with a token"),
    }.get(document["origin"], tr("registered itself"))
