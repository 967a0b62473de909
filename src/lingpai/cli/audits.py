"""`lingpai audit`: what operators changed, by command and by the admin API."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.durations import seconds
from lingpai.cli.listing import given, note_more, read_each
from lingpai.cli.running import Data, Json, with_operating
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr, tr_reason

if TYPE_CHECKING:
    from lingpai.operating.port import Operating

KIND = "audit"
app = typer.Typer(
    name="audit", help="The audit trail: who changed what, and what was there before.", no_args_is_help=True
)


@app.command("list")
def list_all(
    *,
    actor: Annotated[
        str, typer.Option(help="Only of this operator, as the list shows it.", show_default=False)
    ] = "",
    action: Annotated[
        str, typer.Option(help="Only this action, such as caller.change.", show_default=False)
    ] = "",
    target: Annotated[
        str,
        typer.Option(
            help="Only of the thing of this name; a * at its end for all that begin so.", show_default=False
        ),
    ] = "",
    since: Annotated[
        int | None,
        typer.Option(parser=seconds, help="Only what is newer than this, such as 7d.", show_default=False),
    ] = None,
    before: Annotated[
        int | None, typer.Option(min=1, help="Only those with numbers below this one.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List what operators changed, newest first; a secret is shown as its fingerprint."""
    from lingpai.cli.output import emit, table

    newer = None if since is None else int(time.time()) - since
    wanted = given(actor=actor, action=action, target=target, since=newer, below=before)

    async def read(port: "Operating") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for each in read_each(port, KIND, (), wanted, page=limit + 1):
            if len(found) == limit:
                note_more(f"--before {found[-1]['id']}")
                break
            found.append(each)
        return found

    found = with_operating(data, read)
    rows = [
        (
            str(each["id"]),
            each["at"],
            f"{each['actor_kind']}:{each['actor']}",
            each["action"],
            each["target"],
            ", ".join({**each["before"], **each["after"]}) or "–",
            tr("done") if each["outcome"] == "done" else tr("refused"),
        )
        for each in found
    ]
    columns = ("Row", "At", "Operator", "Action", "Target", "Fields", "Outcome")
    emit(found, as_json, lambda console: console.print(table("Audit trail", columns, rows)))


@app.command("verify")
def verify(*, data: Data = None, as_json: Json = False) -> None:
    """Check that no row of the audit trail was altered, removed or put in. Exit code 1 when one was."""
    from lingpai.cli.output import done, emit, say

    found = with_operating(data, lambda port: port.act(KIND, (), "verify", {}))
    if found["problem"]:
        emit(found, as_json, lambda console: say(console, tr_reason(found["problem"]), "bold red"))
        raise typer.Exit(1)
    text = tr("Rows {first} to {last} are as they were written.", first=found["first"], last=found["last"])
    emit(found, as_json, done(text if found["rows"] else tr("The audit trail is empty.")))


@app.command("export")
def export(
    *,
    file: Annotated[
        Path, typer.Argument(help="File to write, one JSON object a line; - for standard output.")
    ],
    after: Annotated[
        int, typer.Option(min=0, help="Only rows with numbers above this one.", show_default=False)
    ] = 0,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write the audit trail to a file (NDJSON, mode 0600), oldest row first, with the digests that chain the rows."""
    import sys

    import msgspec

    from lingpai.cli.output import done, emit
    from lingpai.core import private_files

    wanted = given(oldest=1, above=after or None)

    async def read(port: "Operating") -> list[bytes]:
        return [msgspec.json.encode(row) + b"\n" async for row in read_each(port, KIND, (), wanted)]

    if str(file) != "-" and file.exists():
        raise Problem(tr("{path} exists already; choose another name.", path=file))
    lines = with_operating(data, read)
    if str(file) == "-":
        sys.stdout.write(b"".join(lines).decode())
        return
    private_files.write(file, b"".join(lines))
    text = tr("Rows written to {path}: {count}.", path=file, count=len(lines))
    emit({"file": str(file), "rows": len(lines)}, as_json, done(text))
