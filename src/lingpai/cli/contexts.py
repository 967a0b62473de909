"""`lingpai context`: named servers with their admin keys, in a file that only its owner can read."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from lingpai.cli.running import Json, warn_of_plain_http
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="context",
    help="Named servers with their admin keys, for `--context NAME` or for every command.",
    no_args_is_help=True,
)

FILE = "LINGPAI_CONTEXTS"
"""The variable with the path of the file, when it is not the usual one."""


class Context(TypedDict):
    """A server: the address of its admin API, and an admin key."""

    server: str
    key: str


Contexts = dict[str, Context]


class Content(TypedDict):
    """The file: every context by name, and the name of the one in use, or ""."""

    use: str
    contexts: Contexts


Name = Annotated[str, typer.Argument(help="Name of the context.", show_default=False)]


def contexts_file() -> Path:
    """Return the path of the file (XDG Base Directory Specification)."""
    named = os.environ.get(FILE, "")
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    home = Path(folder) if folder else Path.home() / ".config"
    return Path(named) if named else home / "lingpai" / "contexts.json"


def read_contexts() -> tuple[Contexts, str]:
    """Return every context by name, and the name of the one in use, or "".

    Raises:
        Problem: other users can read the file, or it is not such a file.
        OSError: it cannot be read.
    """
    import msgspec

    from lingpai.core import private_files

    path = contexts_file()
    if not path.exists():
        return {}, ""
    if path.stat().st_mode & private_files.OTHERS:
        raise Problem(tr("Other users can read {path}, which has admin keys: run chmod 600.", path=path))
    try:
        content = msgspec.json.decode(path.read_bytes(), type=Content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Problem(tr("{path} cannot be understood: {problem}", path=path, problem=error)) from error
    return content["contexts"], content["use"] if content["use"] in content["contexts"] else ""


def context_of(name: str) -> tuple[str, str]:
    """Return address and key of a context.

    Raises:
        Problem: there is none.
    """
    contexts, _ = read_contexts()
    if name not in contexts:
        raise Problem(_unknown(name))
    return contexts[name]["server"], contexts[name]["key"]


def _unknown(name: str) -> str:
    return tr("There is no context {name}; `lingpai context list` shows all.", name=name)


def _write(contexts: Contexts, use: str) -> None:
    import msgspec

    from lingpai.core import private_files

    path = contexts_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = msgspec.json.format(msgspec.json.encode({"use": use, "contexts": contexts}), indent=2)
    private_files.write(path, content + b"\n")


@app.command("add")
def add(
    name: Name,
    *,
    url: Annotated[str, typer.Argument(help="Address of the admin API, or unix:PATH.", show_default=False)],
    key_stdin: Annotated[
        bool,
        typer.Option("--key-stdin", help="Read the admin key from standard input.", show_default=False),
    ] = False,
    as_json: Json = False,
) -> None:
    """Add a server, or replace one. The admin key is asked for; it never is an argument, which others could read."""
    from lingpai.cli.output import done, emit
    from lingpai.cli.secret_input import read_secret
    from lingpai.core.names import is_name

    if not is_name(name):
        raise typer.BadParameter(
            tr("{text} is not a name of a context: no blanks, no slash.", text=repr(name))
        )
    if not url.startswith(("http://", "https://", "unix:")):
        raise typer.BadParameter(tr("An address begins with http://, https:// or unix:."))
    contexts, use = read_contexts()
    key = read_secret(None, from_stdin=key_stdin)
    if not key.startswith("lpa_"):
        raise typer.BadParameter(tr("This is no admin key; they begin with lpa_."))
    warn_of_plain_http(url)
    outcome = "replaced" if name in contexts else "added"
    _write({**contexts, name: {"server": url, "key": key}}, use)
    emit({"context": name, "server": url, "outcome": outcome}, as_json, done(tr("Saved {name}.", name=name)))


@app.command("list")
def list_all(*, as_json: Json = False) -> None:
    """List the servers, never their keys; one of them may be in use."""
    from lingpai.cli.output import emit, table

    contexts, use = read_contexts()
    found: list[dict[str, Any]] = [
        {"context": name, "server": each["server"], "in_use": name == use}
        for name, each in sorted(contexts.items())
    ]
    rows = [(each["context"], each["server"], tr("in use") if each["in_use"] else "") for each in found]

    def render(console: "Console") -> None:
        console.print(table("Contexts", ("Name", "Server", "State"), rows))

    emit(found, as_json, render)


@app.command("use")
def use(
    name: Annotated[
        str, typer.Argument(help="Name of the context; none, to work on this host again.", show_default=False)
    ] = "",
    *,
    as_json: Json = False,
) -> None:
    """Have every command that can do so work on this server, unless --server or --context names another."""
    from lingpai.cli.output import done, emit

    contexts, _ = read_contexts()
    if name and name not in contexts:
        raise Problem(_unknown(name))
    _write(contexts, name)
    text = tr("Commands work on {name} now.", name=name) if name else tr("Commands work on this host now.")
    emit({"context": name or None}, as_json, done(text))


@app.command("remove")
def remove(name: Name, *, as_json: Json = False) -> None:
    """Forget a server and its key. The key itself stays valid: `lingpai admin remove` ends it."""
    from lingpai.cli.output import done, emit

    contexts, use = read_contexts()
    if contexts.pop(name, None) is None:
        raise Problem(_unknown(name))
    _write(contexts, "" if use == name else use)
    emit({"context": name, "outcome": "removed"}, as_json, done(tr("Removed {name}.", name=name)))
