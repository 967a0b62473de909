"""`lingpai user import`: open_ids that another server issued, or users with the hashes of their passwords."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.realms import RealmName, Realms, with_realms
from lingpai.cli.running import Data, Json
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from rich.console import Console

    Row = dict[str, Any]


def import_file(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with the columns app, login and open_id, or login and password_hash (and nick, avatar, sex, "
            "seller_name); a JSON array of such objects when the name ends in .json.",
            show_default=False,
        ),
    ],
    realm: RealmName = "",
    add_users: Annotated[
        bool,
        typer.Option("--add-users", help="Add missing users, without a password.", show_default=False),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Import open_ids that another server issued, all or none; or users with their password hashes.

    Users are imported in batches of 1,000, each all or none. Repeating the import changes nothing.
    """
    from lingpai.cli.tables import read_known, read_users

    users = read_users(file)
    if users is None:
        known = [{**row, "add_user": add_users} for row in read_known(file)]
        _import_known(known, realm, data, as_json=as_json)
    else:
        _import_users(users, realm, data, as_json=as_json)


async def _each(rows: "Iterable[Row]") -> "AsyncIterator[Row]":
    for row in rows:
        yield row


def _import_known(rows: "list[Row]", realm: str, data: Path | None, *, as_json: bool) -> None:
    from lingpai.cli.output import done, emit
    from lingpai.core.errors import LingpaiError
    from lingpai.messages.problems import explain

    async def take(realms: Realms) -> "Row":
        name = await realms.one(realm)
        try:
            found = [
                each async for each in realms.port.stream("users", (name,), "import-open-ids", _each(rows))
            ]
        except LingpaiError as error:
            raise Problem(f"{tr('No open_id was imported.')} {explain(error)}") from error
        return {"realm": name, **found[0]}

    taken = with_realms(data, take)
    text = tr(
        "open_ids imported: {count}; users added: {users}.",
        count=taken["open_ids"],
        users=taken["users_added"],
    )
    emit(taken, as_json, done(text))


def _import_users(rows: "list[Row]", realm: str, data: Path | None, *, as_json: bool) -> None:
    from lingpai.cli.output import emit, progress, say
    from lingpai.core.escaping import shown

    async def take(realms: Realms) -> "Row":
        name = await realms.one(realm)
        taken: Row = {"realm": name, "users_added": 0, "users_kept": 0, "faults": []}
        with progress("Importing users", len(rows)) as advance:
            async for batch in realms.port.stream("users", (name,), "import", _each(rows)):
                taken["users_added"] += batch["added"]
                taken["users_kept"] += batch["kept"]
                taken["faults"] += batch["faults"]
                advance(batch["added"] + batch["kept"])
        return taken

    taken = with_realms(data, take, create=True)

    def render(console: "Console") -> None:
        for fault in taken["faults"]:
            place = tr("Row {number} ({name}):", number=fault["row"], name=shown(fault["login"]))
            say(console, f"{place} {fault['problem']}", "red")
        text = tr(
            "Users added: {added}; there already and left as they are: {kept}.",
            added=taken["users_added"],
            kept=taken["users_kept"],
        )
        say(console, text, "green" if not taken["faults"] else "")
        if taken["faults"]:
            say(console, tr("Batches of 1,000 with a fault were left out. Mend the rows and import again."))

    emit(taken, as_json, render)
    if taken["faults"]:
        raise typer.Exit(1)
