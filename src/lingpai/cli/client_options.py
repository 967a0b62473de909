"""The options of `lingpai app` that a client of the standard protocol has (RFC 7591 §2)."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from lingpai.messages.translating import tr

NoPkce = Annotated[
    bool,
    typer.Option(
        "--no-pkce",
        help="PKCE is optional, for libraries without it; the app needs a secret. Protocol {id_token_protocols} only.",
        show_default=False,
    ),
]
IdTokenAlg = Annotated[
    str,
    typer.Option(
        help="Signature algorithm of its id_tokens: ES256, or RS256 for older libraries. Protocol "
        "{id_token_protocols} only.",
    ),
]
AuthMethodName = Annotated[
    str,
    typer.Option(
        help="How it authenticates: client_secret_basic, client_secret_post (either works for both), or "
        "private_key_jwt, with keys of its own and no secret. Protocol {id_token_protocols} only.",
        show_default=False,
    ),
]
JwksFile = Annotated[
    Path | None,
    typer.Option(
        "--jwks",
        help="File with its public keys (a JSON Web Key Set), for private_key_jwt.",
        show_default=False,
    ),
]
JwksUri = Annotated[
    str,
    typer.Option(
        help="Address under which it publishes its public keys, instead of --jwks.",
        show_default=False,
    ),
]
RequirePar = Annotated[
    bool,
    typer.Option(
        "--require-par",
        help="It has to push its authorization requests (PAR). Protocol oidc only.",
        show_default=False,
    ),
]
DpopBound = Annotated[
    bool,
    typer.Option(
        "--dpop-bound",
        help="It has to prove a key (DPoP) whenever it gets tokens. Protocol oidc only.",
        show_default=False,
    ),
]
Fapi2 = Annotated[
    bool,
    typer.Option(
        "--fapi2",
        help="Enforce the FAPI 2.0 Security Profile for it. Protocol {id_token_protocols} only.",
        show_default=False,
    ),
]
DefaultMaxAge = Annotated[
    int | None,
    typer.Option(
        "--default-max-age",
        help="Users log in again for it when their login is older than this many seconds. Protocol oidc only.",
        min=0,
        show_default=False,
    ),
]
PostLogoutUris = Annotated[
    list[str] | None,
    typer.Option(
        "--post-logout-uri",
        help="Where users may be sent after they logged out; repeat for more. Protocol {id_token_protocols} only.",
        show_default=False,
    ),
]
BackchannelUri = Annotated[
    str,
    typer.Option(
        "--backchannel-logout-uri",
        help="Address that is sent a logout token when a session of its user ends (https). Protocol "
        "{id_token_protocols} only.",
        show_default=False,
    ),
]
Pairwise = Annotated[
    bool,
    typer.Option(
        "--pairwise",
        help="Its users have a `sub` that apps of other hosts do not know them by. Protocol {id_token_protocols} only.",
        show_default=False,
    ),
]
SectorUri = Annotated[
    str,
    typer.Option(
        help="With --pairwise: address of the list of redirect URIs of all apps that know users by the same `sub` "
        "(https); only its host counts here. Default: the host of its redirect URIs.",
        show_default=False,
    ),
]


def client_of(*, jwks: Path | None = None, **given: Any) -> dict[str, Any]:
    """Return what an app of the standard protocol sets itself, as the admin API takes it.

    Args:
        jwks: the file with its keys.
        given: other fields by name; those that are "" or None are left at their defaults.

    Raises:
        typer.BadParameter: a value is not one of those that there are.
    """
    from lingpai.core.issuer_records import AuthMethod

    fields = {name: value for name, value in given.items() if value not in ("", None)}
    known = {
        "id_token_signed_response_alg": ("ES256", "RS256"),
        "token_endpoint_auth_method": get_args(AuthMethod),
    }
    for name, values in known.items():
        if name in fields and fields[name] not in values:
            raise typer.BadParameter(
                tr("There is no {name} here; known are: {known}.", name=fields[name], known=", ".join(values))
            )
    if jwks is not None:
        fields["jwks"] = _read_jwks(jwks)
    return fields


def _read_jwks(file: Path) -> Any:
    import msgspec

    try:
        found = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError) as error:
        text = tr("{file} cannot be read as a JSON Web Key Set: {error}", file=str(file), error=str(error))
        raise typer.BadParameter(text) from error
    return found
