"""`lingpai audit`: what operators changed, by command and by the admin API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.durations import seconds
from lingpai.cli.listing import note_more
from lingpai.cli.messages import tr, tr_reason
from lingpai.cli.problems import Problem
from lingpai.cli.running import Data, Json, with_keeper

if TYPE_CHECKING:
    from lingpai.keeper.keeper import Keeper
    from lingpai.operating.audit import Verified

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
    from lingpai.operating.audit import audit_document
    from lingpai.store.administration_port import AuditFilter

    async def read(keeper: "Keeper") -> list[dict[str, Any]]:
        newer = None if since is None else keeper.clock.now() - since
        wanted = AuditFilter(actor, action, target, newer)
        rows = await keeper.store.list_audit(wanted, before, limit + 1)
        if len(rows) > limit:
            note_more(f"--before {rows[limit - 1].id}")
        return [audit_document(row) for row in rows[:limit]]

    found = with_keeper(data, read)
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
    from lingpai.operating.audit import verify_audit

    async def look(keeper: "Keeper") -> "Verified":
        return await verify_audit(keeper.store, keeper.ring)

    found = with_keeper(data, look)
    document = {**found._asdict(), "verified": not found.problem}
    if found.problem:
        emit(document, as_json, lambda console: say(console, tr_reason(found.problem), "bold red"))
        raise typer.Exit(1)
    text = tr("Rows {first} to {last} are as they were written.", first=found.first, last=found.last)
    emit(document, as_json, done(text if found.rows else tr("The audit trail is empty.")))


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
    from lingpai.operating.audit import each_row, exported

    async def read(keeper: "Keeper") -> list[bytes]:
        return [msgspec.json.encode(exported(row)) + b"\n" async for row in each_row(keeper.store, after)]

    if str(file) != "-" and file.exists():
        raise Problem(tr("{path} exists already; choose another name.", path=file))
    lines = with_keeper(data, read)
    if str(file) == "-":
        sys.stdout.write(b"".join(lines).decode())
        return
    private_files.write(file, b"".join(lines))
    text = tr("Rows written to {path}: {count}.", path=file, count=len(lines))
    emit({"file": str(file), "rows": len(lines)}, as_json, done(text))
