"""`lingpai grant`: what users and apps were granted, and its end."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.listing import note_more
from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem
from lingpai.cli.realms import RealmName, Realms, with_realms
from lingpai.cli.running import Data, Json

if TYPE_CHECKING:
    from lingpai.core.issuer_records import App, GrantView, Terminal
    from lingpai.core.user_records import User
    from lingpai.issuer.context import Issuer

app = typer.Typer(
    name="grant",
    help="Grants: each covers all codes and tokens of one authorization.",
    no_args_is_help=True,
)

REASON = "ended by an operator"
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
    from lingpai.issuer.administration import find_grants
    from lingpai.issuer.user_documents import grant_document

    async def read(realms: Realms) -> list[dict[str, Any]]:
        found: list[tuple[Issuer, GrantView]] = []
        named = await _issuers(realms, realm, app_id, login, code)
        for issuer, app, user, terminal in named:
            views = await find_grants(
                issuer, app=app, user=user, terminal=terminal, before=before, limit=limit + 1
            )
            found += [(issuer, view) for view in views]
        found.sort(key=lambda each: -each[1].grant.id)
        if len(found) > limit:
            note_more(f"--before {found[limit - 1][1].grant.id}")
        return [await grant_document(*each) for each in found[:limit]]

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
    from lingpai.issuer.administration import end_grant

    async def stop(realms: Realms) -> str:
        for issuer in realms.some(""):
            view = await issuer.store.read_grant(grant)
            if (
                view is not None
                and view.grant.realm == issuer.realm
                and await end_grant(issuer, view.grant, REASON)
            ):
                return issuer.realm
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
    from lingpai.issuer.administration import allow_code
    from lingpai.issuer.redirects import choose_redirect
    from lingpai.issuer.verbs.authorization_requests import Asked

    async def make(realms: Realms) -> dict[str, Any]:
        issuer, app = await realms.app(app_id, realm)
        user = (await realms.user(login, issuer.realm))[1]
        terminal = (await realms.terminal(machine_code, issuer.realm))[1] if machine_code else None
        if redirect_uri:
            choose_redirect(app.redirect_uris, redirect_uri, loopback_ports=issuer.policy.loopback_ports)
        asked = Asked(
            redirect_uri=redirect_uri or None,
            scope=" ".join(scope or ()) or None,
            challenge=challenge,
            challenge_method="S256" if challenge else "",
        )
        made = await allow_code(issuer, app, user, asked, terminal)
        return {"realm": issuer.realm, "code": made.code, "expires_in": issuer.policy.code}

    made = with_realms(data, make)
    if value:
        typer.echo(made["code"])
    else:
        emit(made, as_json, lambda console: say(console, made["code"]))


async def _issuers(
    realms: Realms, realm: str, app_id: str, login: str, code: str
) -> "list[tuple[Issuer, App | None, User | None, Terminal | None]]":
    """Return the realms to search, with the app, user and terminal to search for in each."""
    app = user = terminal = None
    where = realm
    if app_id:
        issuer, app = await realms.app(app_id, where)
        where = issuer.realm
    if code:
        issuer, terminal = await realms.terminal(code, where)
        where = issuer.realm
    if login:
        issuer, user = await realms.user(login, where)
        where = issuer.realm
    return [(issuer, app, user, terminal) for issuer in realms.some(where)]
