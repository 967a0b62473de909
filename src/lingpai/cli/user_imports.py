"""`lingpai user import`: open_ids that another server issued, or users with the hashes of their passwords."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.messages import tr, tr_reason
from lingpai.cli.problems import Problem
from lingpai.cli.realms import RealmName
from lingpai.cli.running import Data, Json, demand_host, with_site

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.issuer.administration import Known
    from lingpai.issuer.user_imports import NewUser
    from lingpai.operating.site import Site


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
    demand_host()
    from lingpai.cli.tables import read_known, read_users

    users = read_users(file)
    if users is None:
        _import_known(read_known(file), realm, data, add_users=add_users, as_json=as_json)
    else:
        _import_users(users, realm, data, as_json=as_json)


def _import_known(
    rows: "list[Known]", realm: str, data: Path | None, *, add_users: bool, as_json: bool
) -> None:
    from lingpai.cli.output import done, emit
    from lingpai.core.errors import LingpaiError
    from lingpai.issuer.administration import import_known
    from lingpai.operating.realm_choice import IssuerChoice

    async def take(site: "Site") -> dict[str, Any]:
        issuer = IssuerChoice(site).one(realm)
        try:
            count, added = await import_known(issuer, rows, add_users=add_users)
        except LingpaiError as error:
            where = f"{issuer.realm}/{error.detail}: " if error.detail else ""
            raise Problem(f"{tr('No open_id was imported.')} {where}{tr_reason(error.reason)}") from error
        return {"realm": issuer.realm, "open_ids": count, "users_added": added}

    taken = with_site(data, take)
    text = tr(
        "open_ids imported: {count}; users added: {users}.",
        count=taken["open_ids"],
        users=taken["users_added"],
    )
    emit(taken, as_json, done(text))


def _import_users(rows: "list[NewUser]", realm: str, data: Path | None, *, as_json: bool) -> None:
    from lingpai.cli.output import emit, progress, say
    from lingpai.core.escaping import shown
    from lingpai.issuer.user_imports import import_users
    from lingpai.operating.realm_choice import IssuerChoice

    async def take(site: "Site") -> dict[str, Any]:
        issuer = IssuerChoice(site).one(realm)
        taken: dict[str, Any] = {"realm": issuer.realm, "users_added": 0, "users_kept": 0, "faults": []}
        with progress("Importing users", len(rows)) as advance:
            async for batch in import_users(issuer, rows):
                taken["users_added"] += batch.added
                taken["users_kept"] += batch.kept
                taken["faults"] += [
                    {"row": row, "login": login, "problem": tr_reason(reason)}
                    for row, login, reason in batch.faults
                ]
                advance(batch.added + batch.kept)
        return taken

    taken = with_site(data, take, create=True)

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
