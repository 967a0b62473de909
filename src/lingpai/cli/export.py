"""`lingpai export`: everything that `lingpai apply` takes, as a file of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.running import Data, Json, with_operating
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from lingpai.operating.port import Operating


def export(
    *,
    file: Annotated[Path, typer.Argument(help="File to write, which ends in .json; - for standard output.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write accounts, callers, apps, users, terminals and resource servers to a file for `lingpai apply`.

    It has no secrets: `lingpai apply` keeps those that are stored.
    """
    import sys

    import msgspec

    from lingpai.cli.output import done, emit
    from lingpai.core import private_files

    async def read(port: "Operating") -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        async for line in port.stream("export", (), "export"):
            found.setdefault(line["section"], []).append(line["entry"])
        return found

    if str(file) != "-":
        if file.suffix != ".json":
            raise typer.BadParameter(tr("The name of the file has to end in .json."))
        if file.exists():
            raise Problem(tr("{path} exists already; choose another name.", path=file))
    found = with_operating(data, read)
    content = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    if str(file) == "-":
        sys.stdout.write(content.decode())
        return
    private_files.write(file, content)
    count = sum(map(len, found.values()))
    text = tr("Entries written to {path}: {count}.", path=file, count=count)
    emit({"file": str(file), "entries": count}, as_json, done(text))
