"""`lingpai grant`: what users and apps were granted, and its end."""

from typing import Annotated, Any

import typer

from lingpai.cli.listing import given, note_more, read_each
from lingpai.cli.realms import RealmName, Realms, with_realms
from lingpai.cli.running import Data, Json
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

app = typer.Typer(
    name="grant",
    help="Grants: each covers all codes and tokens of one authorization.",
    no_args_is_help=True,
)

KIND = "grants"
STATES = {"issued": "code issued", "live": "live", "superseded": "superseded", "unusable": "unusable"}


@app.command("list")
def list_all(
    *,
    realm: RealmName = "",
    app_id: Annotated[
        str, typer.Option("--app", help="Only of the app with this id.", show_default=False)
    ] = "",
    login: Annotated[
        str, typer.Option("--user", help="Only of the user with this login name.", show_default=False)
    ] = "",
    code: Annotated[
        str, typer.Option("--machine", help="Only for the terminal of this code.", show_default=False)
    ] = "",
    before: Annotated[
        int | None, typer.Option(min=1, help="Only those with numbers below this one.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List grants that have not ended, newest first; never a code or token."""
    from lingpai.cli.output import emit, table

    async def read(realms: Realms) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        wanted = given(app=app_id, user=login, machine=code, below=before)
        for where in await _places(realms, realm, app_id, login, code):
            count = 0
            async for each in read_each(realms.port, KIND, (where,), wanted, page=limit + 1):
                found.append(each)
                count += 1
                if count > limit:
                    break
        found.sort(key=lambda each: -each["grant"])
        if len(found) > limit:
            note_more(f"--before {found[limit - 1]['grant']}")
        return found[:limit]

    found = with_realms(data, read)
    rows = [
        (
            str(each["grant"]),
            each["realm"],
            each["kind"],
            each["app_id"] or "–",
            each["user"] or "–",
            each["machine_code"] or "–",
            each["scope"] or "–",
            tr(STATES[each["state"]]),
            each["ends_at"] or "–",
        )
        for each in found
    ]
    columns = ("Grant", "Realm", "Kind", "App", "User", "Terminal", "Scope", "State", "Ends")
    emit(found, as_json, lambda console: console.print(table("Grants", columns, rows)))


@app.command("end")
def end(
    grant: Annotated[int, typer.Argument(help="Number of the grant; see grant list.", show_default=False)],
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """End a grant: every worker rejects its tokens from the next check on."""
    from lingpai.cli.output import done, emit
    from lingpai.core.errors import Kind, LingpaiError

    async def stop(realms: Realms) -> str:
        for where in await realms.some(""):
            try:
                await realms.port.remove(KIND, (where, str(grant)))
            except LingpaiError as error:
                if error.kind is not Kind.NOT_FOUND:
                    raise
            else:
                return where
        raise Problem(tr("There is no open grant {grant}; see `lingpai grant list`.", grant=grant))

    where = with_realms(data, stop)
    result = {"realm": where, "grant": grant, "outcome": "ended"}
    emit(result, as_json, done(tr("Grant {grant} has ended.", grant=grant)))


@app.command("code")
def code(
    *,
    app_id: Annotated[str, typer.Option("--app", help="Id of the app.", show_default=False)],
    login: Annotated[str, typer.Option("--user", help="Login name of the user.", show_default=False)],
    machine_code: Annotated[
        str, typer.Option("--machine", help="Code of the user's terminal.", show_default=False)
    ] = "",
    redirect_uri: Annotated[
        str, typer.Option(help="Redirect URI that the app will send; default: none.", show_default=False)
    ] = "",
    challenge: Annotated[
        str,
        typer.Option(
            "--code-challenge", help="Code challenge (S256) of a public client's request.", show_default=False
        ),
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="Scope of the code; repeat for more; default: the realm's.",
            show_default=False,
        ),
    ] = None,
    realm: RealmName = "",
    value: Annotated[
        bool, typer.Option("--value", help="Print only the value, for scripts.", show_default=False)
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make an authorization code without asking the user, to try an integration without a browser.

    It counts as the user's consent: the user has added the app, with all permissions that the app may ask for.
    """
    from lingpai.cli.output import emit, say

    async def make(realms: Realms) -> dict[str, Any]:
        where = (await realms.app(app_id, realm))["realm"]
        await realms.user(login, where)
        if machine_code:
            await realms.terminal(machine_code, where)
        document = {
            "app": app_id,
            "user": login,
            "machine": machine_code,
            "redirect_uri": redirect_uri,
            "code_challenge": challenge,
            "scope": scope or [],
        }
        return await realms.port.act(KIND, (where,), "code", document)

    made = with_realms(data, make)
    if value:
        typer.echo(made["code"])
    else:
        emit(made, as_json, lambda console: say(console, made["code"]))


async def _places(realms: Realms, realm: str, app_id: str, login: str, code: str) -> list[str]:
    """Return the realms to search, in which the app, user and terminal to search for are."""
    where = realm
    if app_id:
        where = (await realms.app(app_id, where))["realm"]
    if code:
        where = (await realms.terminal(code, where))["realm"]
    if login:
        where = (await realms.user(login, where))["realm"]
    return await realms.some(where)
