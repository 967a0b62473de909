"""`lingpai app`: the apps that the issuer issues to."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.app_words import origin_of, state_of
from lingpai.cli.client_options import (
    AuthMethodName,
    BackchannelUri,
    DefaultMaxAge,
    DpopBound,
    Fapi2,
    IdTokenAlg,
    JwksFile,
    JwksUri,
    NoPkce,
    Pairwise,
    PostLogoutUris,
    RequirePar,
    SectorUri,
    client_of,
)
from lingpai.cli.declared_help import DeclaredCommand
from lingpai.cli.durations import seconds
from lingpai.cli.flaws import telling
from lingpai.cli.listing import read_all
from lingpai.cli.realms import RealmName, Realms, Yes, with_realms
from lingpai.cli.removing import remove_one
from lingpai.cli.running import Data, Json
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from lingpai.operating.port import Key

app = typer.Typer(
    name="app",
    help="Third-party apps that the issuer serves: their ids and secrets.",
    no_args_is_help=True,
)

KIND = "apps"
AppId = Annotated[str, typer.Argument(help="The app's id: app_id or client_id.", show_default=False)]


def _many(text: str) -> Any:
    return typer.Option(help=text, show_default=False)


@app.command("add", cls=DeclaredCommand)
def add(
    *,
    name: Annotated[str, typer.Argument(help="Name that users see on the consent page.", show_default=False)],
    realm: RealmName = "",
    app_id: Annotated[
        str, typer.Option(help="Id that is already in use elsewhere; default: generated.", show_default=False)
    ] = "",
    redirect_uri: Annotated[
        list[str] | None, _many("Redirect URI, compared as a string; repeat for more.")
    ] = None,
    domain: Annotated[
        list[str] | None,
        _many("Host whose pages may use the JS bridge; repeat for more; default: none."),
    ] = None,
    network: Annotated[
        list[str] | None, _many("CIDR block that its requests may come from; repeat for more; default: any.")
    ] = None,
    scope: Annotated[
        list[str] | None, _many("Scope that it may request; repeat for more; default: the protocol's.")
    ] = None,
    permission: Annotated[
        list[str] | None,
        _many("Permission that it may request from users, such as user/get_user_base_info; repeat for more."),
    ] = None,
    grant: Annotated[
        list[str] | None, _many("Grant type that it may use; repeat for more; default: all of the protocol.")
    ] = None,
    owner: Annotated[
        str,
        typer.Option(
            help="Its owner; a user has the same union id in all apps of one owner.", show_default=False
        ),
    ] = "",
    unlisted: Annotated[
        bool,
        typer.Option(
            "--unlisted", help="Not published: it gets no tokens until it is published.", show_default=False
        ),
    ] = False,
    self_owned: Annotated[
        bool,
        typer.Option(
            "--self-owned", help="Self-owned: it serves its owner's own terminals only.", show_default=False
        ),
    ] = False,
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="Public client: it cannot keep a secret and must use PKCE; only in realms of "
            "the protocols {public_protocols}.",
            show_default=False,
        ),
    ] = False,
    no_pkce: NoPkce = False,
    id_token_alg: IdTokenAlg = "ES256",  # noqa: S107  an algorithm
    auth_method: AuthMethodName = "",
    jwks: JwksFile = None,
    jwks_uri: JwksUri = "",
    require_par: RequirePar = False,
    dpop_bound: DpopBound = False,
    fapi2: Fapi2 = False,
    default_max_age: DefaultMaxAge = None,
    post_logout_uri: PostLogoutUris = None,
    backchannel_logout_uri: BackchannelUri = "",
    pairwise: Pairwise = False,
    sector_identifier_uri: SectorUri = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add an app and print its id and secret. The secret is shown once."""
    from lingpai.cli.output import emit, fields, say

    document = {
        "app_id": app_id,
        "name": name,
        "mode": "self_owned" if self_owned else "open",
        "redirect_uris": redirect_uri or [],
        "domains": domain or [],
        "networks": network or [],
        "scopes": scope or [],
        "permissions": permission or [],
        "grants": grant or [],
        "owner": owner,
        "listed": not unlisted,
        "public": public,
        "client": client_of(
            pkce=not no_pkce,
            id_token_signed_response_alg=id_token_alg,
            token_endpoint_auth_method=auth_method,
            jwks=jwks,
            jwks_uri=jwks_uri,
            require_pushed_authorization_requests=require_par,
            dpop_bound_access_tokens=dpop_bound,
            fapi2=fapi2,
            default_max_age=default_max_age,
            post_logout_redirect_uris=post_logout_uri,
            backchannel_logout_uri=backchannel_logout_uri,
            subject_type="pairwise" if pairwise else "public",
            sector_identifier_uri=sector_identifier_uri,
        ),
    }

    async def save(realms: Realms) -> dict[str, Any]:
        where = await realms.one(realm)
        with telling():
            return await realms.port.act(KIND, (where,), "add", document)

    added = with_realms(data, save, create=True)

    def render(console: "Console") -> None:
        say(console, tr("Added {name}. Its secret is shown only once.", name=added["name"]), "green")
        pairs = (("Realm", added["realm"]), ("Id", added["app_id"]), ("Secret", added["secret"] or "–"))
        console.print(fields(pairs))

    emit(added, as_json, render)


@app.command("list")
def list_all(*, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """List the apps of all realms, or of one, without their secrets."""
    from lingpai.cli.output import emit, table

    async def read(realms: Realms) -> list[dict[str, Any]]:
        return [
            each for where in await realms.some(realm) for each in await read_all(realms.port, KIND, (where,))
        ]

    found = with_realms(data, read)
    rows = [(each["realm"], each["app_id"], each["name"], each["mode"], state_of(each)) for each in found]
    columns = ("Realm", "Id", "Name", "Mode", "State")
    emit(found, as_json, lambda console: console.print(table("Apps", columns, rows)))


@app.command("show")
def show(app_id: AppId, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Show one app: what it may do, and how many users have added it."""
    from lingpai.cli.output import emit, fields

    found = with_realms(data, lambda realms: realms.app(app_id, realm))
    pairs = (
        ("Realm", found["realm"]),
        ("Id", found["app_id"]),
        ("Name", found["name"]),
        ("Mode", found["mode"]),
        ("State", state_of(found)),
        ("Redirect URIs", ", ".join(found["redirect_uris"]) or "–"),
        ("Domains", ", ".join(found["domains"]) or "–"),
        ("Networks", ", ".join(found["networks"]) or tr("any")),
        ("Grants", ", ".join(found["grants"]) or tr("any")),
        ("Scopes", ", ".join(found["scopes"]) or "–"),
        ("Permissions", ", ".join(found["permissions"]) or "–"),
        ("Owner", found["owner"] or "–"),
        ("After logout", ", ".join(found["client"].get("post_logout_redirect_uris", ())) or "–"),
        ("Logout tokens", found["client"].get("backchannel_logout_uri", "") or "–"),
        ("Origin", origin_of(found)),
        ("Users", str(found["users"])),
        ("Secrets", str(found["secrets"])),
        ("Added", found["created_at"]),
    )
    emit(found, as_json, lambda console: console.print(fields(pairs)))


@app.command("rotate-secret")
def rotate_secret(
    app_id: AppId,
    *,
    realm: RealmName = "",
    overlap: Annotated[
        int | None,
        typer.Option(
            parser=seconds,
            help="How long the secret before stays valid, such as 24h; the realm's own number (a day) when left out.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a new secret for an app and print it once. The previous one stays valid for a while."""
    from lingpai.cli.output import emit, say

    async def rotate(realms: Realms) -> dict[str, Any]:
        found = await realms.app(app_id, realm)
        with telling():
            return await realms.port.act(KIND, _key(found), "secrets", {"overlap": overlap})

    rotated = with_realms(data, rotate)

    def render(console: "Console") -> None:
        say(console, tr("Secret of {name}, shown only once:", name=app_id), "green")
        say(console, rotated["secret"])

    emit(rotated, as_json, render)


@app.command("disable")
def disable(app_id: AppId, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Disable an app: every worker rejects its tokens from the next check on."""
    _set_disabled(app_id, realm, data, as_json=as_json, disabled=True)


@app.command("enable")
def enable(app_id: AppId, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Enable a disabled app; its tokens that have not expired are valid again."""
    _set_disabled(app_id, realm, data, as_json=as_json, disabled=False)


@app.command("remove")
def remove(
    app_id: AppId, *, realm: RealmName = "", yes: Yes = False, data: Data = None, as_json: Json = False
) -> None:
    """Remove an app with its secrets and its users' open_ids; its tokens end."""
    remove_one(
        KIND,
        ("app_id", app_id),
        lambda realms: realms.app(app_id, realm),
        _key,
        lambda where: tr(
            "Remove {name} from {realm}, with the open_ids of its users?", name=app_id, realm=where
        ),
        yes=yes,
        data=data,
        as_json=as_json,
    )


def _key(found: dict[str, Any]) -> "Key":
    return (found["realm"], found["app_id"])


def _set_disabled(app_id: str, realm: str, data: "Path | None", *, as_json: bool, disabled: bool) -> None:
    from lingpai.cli.output import done, emit

    async def change(realms: Realms) -> dict[str, Any]:
        found = await realms.app(app_id, realm)
        return (await realms.port.patch(KIND, _key(found), {"disabled": disabled})).item.document

    text = tr("Disabled {name}.", name=app_id) if disabled else tr("Enabled {name}.", name=app_id)
    emit(with_realms(data, change), as_json, done(text))
