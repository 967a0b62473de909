"""`lingpai resource`: the resource servers that access tokens of the standard protocol are for."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.durations import seconds
from lingpai.cli.flaws import telling
from lingpai.cli.listing import read_all
from lingpai.cli.realms import RealmName, Realms, Yes, find, with_realms
from lingpai.cli.removing import remove_one
from lingpai.cli.running import Data, Json
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

KIND = "resources"
ALGORITHMS = ("ES256", "RS256")
app = typer.Typer(
    name="resource",
    help="Resource servers: the APIs that access tokens of the protocol oidc are for.",
    no_args_is_help=True,
)

Uri = Annotated[
    str,
    typer.Argument(
        help="Its URI, as clients send it in `resource` and tokens have it in `aud`.", show_default=False
    ),
]


@app.command("add")
def add(
    uri: Uri,
    *,
    realm: RealmName = "",
    name: Annotated[
        str, typer.Option(help="Name that users see on the consent page.", show_default=False)
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="Scope that it knows; repeat for more; its tokens have no others.", show_default=False
        ),
    ] = None,
    jwt: Annotated[
        bool,
        typer.Option(
            "--jwt",
            help="Its tokens are signed (JWT, RFC 9068) and it verifies them itself; default: handles, which it "
            "introspects.",
            show_default=False,
        ),
    ] = False,
    alg: Annotated[
        str, typer.Option(help="What signs its tokens: ES256, or RS256 for libraries that take nothing else.")
    ] = "ES256",
    access: Annotated[
        int,
        typer.Option(
            parser=seconds,
            help="How long its tokens are valid, such as 10min; default: 15 minutes when signed, else as all others.",
            show_default=False,
        ),
    ] = 0,
    introspector: Annotated[
        str,
        typer.Option(
            help="Id of the app with which it introspects its tokens; that app keeps a secret.",
            show_default=False,
        ),
    ] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a resource server."""
    from lingpai.cli.output import done, emit
    from lingpai.operating.port import ABSENT
    from lingpai.operating.realm_choice import signs

    document = {
        "name": name,
        "scopes": scope or [],
        "token_format": "jwt" if jwt else "handle",
        "alg": alg,
        "access": access,
        "introspector": introspector,
    }

    async def save(realms: Realms) -> dict[str, Any]:
        where = await realms.one(realm, signs)
        if alg not in ALGORITHMS:
            text = tr("There is no {name} here; known are: {known}.", name=alg, known=", ".join(ALGORITHMS))
            raise typer.BadParameter(text)
        taken = tr("The realm {realm} already has a resource {name}.", realm=where, name=uri)
        with telling(PRECONDITION_FAILED=taken):
            return (await realms.port.put(KIND, (where, uri), document, ABSENT)).item.document

    emit(with_realms(data, save, create=True), as_json, done(tr("Added {name}.", name=uri)))


@app.command("list")
def list_all(*, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """List the resource servers of all realms, or of one."""
    from lingpai.cli.output import emit, table
    from lingpai.operating.realm_choice import signs

    async def read(realms: Realms) -> list[dict[str, Any]]:
        return [
            each
            for where in await realms.some(realm, signs)
            for each in await read_all(realms.port, KIND, (where,))
        ]

    found = with_realms(data, read)
    rows = [
        (
            each["realm"],
            each["uri"],
            each["name"],
            " ".join(each["scopes"]),
            each["token_format"],
            each["introspector"],
        )
        for each in found
    ]
    columns = ("Realm", "Resource", "Name", "Scopes", "Tokens", "Introspects with")
    emit(found, as_json, lambda console: console.print(table("Resource servers", columns, rows)))


@app.command("show")
def show(uri: Uri, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Print the metadata that a resource server publishes about itself (RFC 9728), and where it belongs."""
    from lingpai.cli.output import emit, say
    from lingpai.core.issuer_records import Resource
    from lingpai.issuer.dialects.oidc.resources import protected_resource, well_known_of

    async def read(realms: Realms) -> dict[str, Any]:
        found = await _find(realms, uri, realm)
        address = (await realms.document(found["realm"]))["address"]
        shown = Resource(realm=found["realm"], uri=uri, name=found["name"], scopes=tuple(found["scopes"]))
        return protected_resource(shown, address)

    found = with_realms(data, read)

    def render(console: "Console") -> None:
        say(console, tr("It publishes this as JSON at {address}:", address=well_known_of(uri)))
        console.print_json(data=found)

    emit(found, as_json, render)


@app.command("remove")
def remove(
    uri: Uri, *, realm: RealmName = "", yes: Yes = False, data: Data = None, as_json: Json = False
) -> None:
    """Remove a resource server: its handles are rejected from the next check on, signed tokens when they expire."""
    remove_one(
        KIND,
        ("uri", uri),
        lambda realms: _find(realms, uri, realm),
        lambda found: (found["realm"], found["uri"]),
        lambda where: tr("Remove {name} from {realm}?", name=uri, realm=where),
        yes=yes,
        data=data,
        as_json=as_json,
    )


async def _find(realms: Realms, uri: str, realm: str) -> dict[str, Any]:
    from lingpai.operating.realm_choice import signs

    found = await find(realms.port, KIND, (await realms.one(realm, signs), uri))
    if found is None:
        raise Problem(tr("There is no resource {name}; `lingpai resource list` shows all.", name=uri))
    return found
