"""The keys that sign id_tokens, for `lingpai key list --signing` and `lingpai key rotate --signing`."""

from typing import TYPE_CHECKING, Any

from lingpai.cli.listing import read_all
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from lingpai.cli.realms import Realms

KIND = "signing-keys"


async def list_signing(realm: str, realms: "Realms") -> list[dict[str, Any]]:
    """The signing keys of the realms that are meant, without their private halves."""
    from lingpai.operating.realm_choice import signs

    return [
        each
        for where in await realms.some(realm, signs)
        for each in await read_all(realms.port, KIND, (where,))
    ]


async def rotate_signing(realm: str, realms: "Realms", *, soon: bool) -> list[dict[str, Any]]:
    """Give the one realm that is meant new keys; all its keys after that."""
    from lingpai.operating.realm_choice import signs

    where = await realms.one(realm, signs)
    found: list[dict[str, Any]] = (await realms.port.act(KIND, (where,), "rotate", {"soon": soon}))["keys"]
    return found


def show_signing_keys(found: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print signing keys, as JSON or as a table."""
    from lingpai.cli.output import emit, table

    rows = [
        (each["realm"], each["alg"], each["kid"], _state(each["state"]), each["signs_from"]) for each in found
    ]
    columns = ("Realm", "Algorithm", "Key", "State", "Signs from")
    emit(found, as_json, lambda console: console.print(table("Signing keys", columns, rows)))


def _state(state: str) -> str:
    return {
        "published": tr("published, signs later"),
        "signs": tr("signs"),
        "kept": tr("published, signs no more"),
    }.get(state, tr("not published any more"))
