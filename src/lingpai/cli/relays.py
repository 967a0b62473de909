"""`lingpai relay` and `lingpai environment`: one callback domain for many environments."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.field_options import FieldOption, with_fields
from lingpai.cli.flaws import telling
from lingpai.cli.listing import read_all
from lingpai.cli.running import Data, Json, with_operating
from lingpai.messages.translating import tr, tr_reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from lingpai.operating.port import Document, Operating

relay_app = typer.Typer(
    name="relay",
    help="Messages that a platform pushes: its token and key, for one address that many environments share.",
    no_args_is_help=True,
)
environment_app = typer.Typer(
    name="environment",
    help="Environments that share an account's callback domain: logins that go back to them, messages they receive.",
    no_args_is_help=True,
)

RELAYS = "relays"
ENVIRONMENTS = "environments"
_SECRETS = ("token", "aes_key")
OPTIONS = {
    "app": FieldOption("The account: platform/account or platform/account/label."),
    "redirect_uris": FieldOption(
        "Address that logins may go back to, exactly; repeat for more.", flag="--redirect-uri", many=True
    ),
    "url": FieldOption("Where messages are posted to: https, or http within keeper.hook_networks."),
    "types": FieldOption(
        "Messages that it receives: text, event/CLICK, event/CLICK/menu_*; repeat for more; default: all.",
        flag="--type",
        many=True,
    ),
}

Account = Annotated[
    str, typer.Argument(help="The account: platform/account or platform/account/label.", show_default=False)
]
Name = Annotated[str, typer.Argument(help="The environment's name.", show_default=False)]
SecretsStdin = Annotated[
    bool,
    typer.Option(
        "--secrets-stdin",
        help="Read the token, and in a second line the EncodingAESKey, from standard input.",
        show_default=False,
    ),
]


@relay_app.command("set")
def set_relay(
    *, name: Account, secrets_stdin: SecretsStdin = False, data: Data = None, as_json: Json = False
) -> None:
    """Set the token and the EncodingAESKey that were entered at the platform, and print the address to enter there.

    Another EncodingAESKey makes the one before the former one, which decrypts too.
    """
    from lingpai.cli.output import emit, say

    typed = _secrets(from_stdin=secrets_stdin)

    async def save(port: "Operating") -> dict[str, Any]:
        return await _saved(port, RELAYS, _key_of(name), typed)

    saved = with_operating(data, save, create=True)

    def render(console: "Console") -> None:
        say(console, tr("Enter this address at the platform:"), "green")
        say(console, saved["messages_url"])

    emit(saved, as_json, render)


@relay_app.command("list")
def list_relays(*, data: Data = None, as_json: Json = False) -> None:
    """List the accounts whose messages are relayed."""
    from lingpai.cli.output import emit, table

    found = with_operating(data, lambda port: read_all(port, RELAYS))
    rows = [
        (each["relay"], each["messages_url"], tr("yes") if each["encrypted"] else tr("no")) for each in found
    ]
    columns = ("Account", "Address", "Encrypted")
    emit(found, as_json, lambda console: console.print(table("Relays", columns, rows)))


@relay_app.command("remove")
def remove_relay(*, name: Account, data: Data = None, as_json: Json = False) -> None:
    """Relay no messages of an account any more."""
    from lingpai.cli.output import done, emit

    async def end(port: "Operating") -> None:
        with telling(NOT_FOUND=tr("There is no relay {name}; `lingpai relay list` shows all.", name=name)):
            await port.remove(RELAYS, _key_of(name))

    with_operating(data, end)
    emit({"relay": name, "outcome": "removed"}, as_json, done(tr("Removed {name}.", name=name)))


@environment_app.command("set")
@with_fields(OPTIONS)
def set_environment(
    *,
    name: Annotated[str, typer.Argument(help="A unique name.", show_default=False)],
    given: dict[str, Any],
    primary: Annotated[
        bool | None,
        typer.Option(
            "--primary/--copies",
            help="Whether its answer is the answer to the platform; the others receive copies.",
            show_default=False,
        ),
    ] = None,
    senders: Annotated[
        int | None,
        typer.Option(
            help="Percent of the senders whose messages it receives; default: 100.", show_default=False
        ),
    ] = None,
    secrets_stdin: SecretsStdin = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add an environment, or change one. Options that are not given stay unchanged.

    With a token (and key) of its own it gets messages signed (and encrypted) with that; else as the platform sent them.
    """
    from lingpai.cli.output import emit, say

    chosen = {
        each: list(filter(None, value)) if isinstance(value, tuple) else value
        for each, value in given.items()
    }
    chosen |= {} if primary is None else {"primary": primary}
    chosen |= {} if senders is None else {"senders": senders}
    if secrets_stdin:
        chosen |= _secrets(from_stdin=True)

    async def save(port: "Operating") -> dict[str, Any]:
        return await _saved(port, ENVIRONMENTS, (name,), chosen)

    saved = with_operating(data, save, create=True)

    def render(console: "Console") -> None:
        say(console, tr("Set {name}.", name=name), "green")
        if saved["authorize_url"]:
            say(console, tr("Send its logins to {url}.", url=saved["authorize_url"]))

    emit(saved, as_json, render)


@environment_app.command("list")
def list_environments(*, data: Data = None, as_json: Json = False) -> None:
    """List the environments: what each receives, how many messages wait for it, and why."""
    from lingpai.cli.output import emit, local_of, table

    found = with_operating(data, lambda port: read_all(port, ENVIRONMENTS))
    rows = [
        (
            each["environment"],
            each["app"],
            ", ".join(each["redirect_uris"]) or "–",
            each["url"] or "–",
            tr("primary") if each["primary"] else tr("copies"),
            ", ".join(each["types"]) or tr("any"),
            f"{each['senders']} %",
            str(each["waiting"]),
            each["problem"] or "–",
            local_of(each["next_attempt_at"]),
        )
        for each in found
    ]
    columns = ("Name", "Account", "Logins go back to", "Messages", "Receives", "Types", "Senders", "Waiting",
               "Problem", "Next attempt")  # fmt: skip
    emit(found, as_json, lambda console: console.print(table("Environments", columns, rows)))


@environment_app.command("remove")
def remove_environment(*, name: Name, data: Data = None, as_json: Json = False) -> None:
    """Remove an environment with the messages that wait for it."""
    from lingpai.cli.output import done, emit

    async def end(port: "Operating") -> None:
        text = tr("There is no environment {name}; `lingpai environment list` shows all.", name=name)
        with telling(NOT_FOUND=text):
            await port.remove(ENVIRONMENTS, (name,))

    with_operating(data, end)
    emit({"environment": name, "outcome": "removed"}, as_json, done(tr("Removed {name}.", name=name)))


def _key_of(name: str) -> tuple[str, ...]:
    """Return the key of the relay of an account of this name.

    Raises:
        typer.BadParameter: it names no account.
    """
    from lingpai.operating.resources.accounts import NO_LABEL

    parts = name.split("/")
    if len(parts) not in {2, 3} or not all(parts):
        raise typer.BadParameter(tr_reason("Name one account: platform/account or platform/account/label."))
    return (*parts, NO_LABEL) if len(parts) == 2 else tuple(parts)  # noqa: PLR2004


async def _saved(
    port: "Operating", kind: str, key: tuple[str, ...], chosen: "Mapping[str, Any]"
) -> "Document":
    """Change a thing, or add it when there is none."""
    from lingpai.core.errors import Kind, LingpaiError
    from lingpai.operating.port import ABSENT

    with telling():
        try:
            return (await port.patch(kind, key, dict(chosen))).item.document
        except LingpaiError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
        return (await port.put(kind, key, dict(chosen), ABSENT)).item.document


def _secrets(*, from_stdin: bool) -> dict[str, str]:
    """Return the token, and the key if there is one, as somebody typed them.

    Raises:
        typer.BadParameter: there is no token, or more than two lines.
    """
    import sys

    from lingpai.cli.secret_input import read_input

    if from_stdin:
        lines = read_input().split()
    elif sys.stdin.isatty():
        token = str(typer.prompt(tr("Token (not shown)"), hide_input=True, err=True))
        key = str(
            typer.prompt(
                tr("EncodingAESKey (not shown; empty for none)"),
                hide_input=True,
                err=True,
                default="",
                show_default=False,
            )
        )
        lines = f"{token} {key}".split()
    else:
        raise typer.BadParameter(
            tr("No token was given. Pipe it in with --secrets-stdin, or run this command in a terminal.")
        )
    if not 1 <= len(lines) <= len(_SECRETS):
        raise typer.BadParameter(
            tr("Give the token, and in a second line the EncodingAESKey where there is one.")
        )
    return dict(zip(_SECRETS, lines, strict=False))
