"""`lingpai platform`: the upstream platforms that this installation knows, and files that describe further ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.running import Data, Json, demand_host
from lingpai.messages.problems import Problem
from lingpai.messages.translating import speaks_chinese, tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.keeper.platforms.platform_type import PlatformType

app = typer.Typer(
    name="platform", help="Upstream platforms, and files that describe further ones.", no_args_is_help=True
)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The file that describes a platform.", show_default=False)],
    *,
    as_json: Json = False,
) -> None:
    """Check a file that describes a platform, and show what it says. Nothing is called or stored."""
    demand_host()
    from lingpai.keeper.platforms.declared.loading import load

    _emit(load(file), as_json)


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the platforms, those of files in `platforms/` too."""
    demand_host()
    del data  # read before the command begins: its folder may have such files
    from lingpai.cli.output import emit, table
    from lingpai.keeper.platforms.registry import platform_types

    found = [_document(each) for each in platform_types().values()]
    rows = [
        (each["name"], each["base_url"] or "–", ", ".join(each["kinds"]), each["source"]) for each in found
    ]
    columns = ("Name", "Address", "Kinds", "Source")
    emit(found, as_json, lambda console: console.print(table("Platforms", columns, rows)))


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of the platform.", show_default=False)],
    *,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show one platform: its calls, how their values are renewed, budgets, errors, and forwarded paths."""
    demand_host()
    del data  # as for `list`
    from lingpai.keeper.platforms.registry import platform_types

    found = platform_types().get(name)
    if found is None:
        raise Problem(tr("There is no platform {name}; `lingpai platform list` shows all.", name=name))
    _emit(found, as_json)


def _emit(found: "PlatformType", as_json: bool) -> None:
    from lingpai.cli.output import emit, fields

    document = _document(found)

    def render(console: "Console") -> None:
        platform = found.sample()
        errors = ", ".join(f"{code} {meaning}" for code, meaning in document["errors"].items())
        pairs = (
            ("Name", document["name"]),
            ("Address", ", ".join((document["base_url"] or "–", *document["addresses"].values()))),
            ("Account", document["account_word"]),
            *((kind, _renewal(each)) for kind, each in document["values"].items()),
            ("Signatures", ", ".join(platform.sign_kinds) or "–"),
            ("Exchanges", ", ".join(platform.exchanges) or "–"),
            ("Forwards", ", ".join(document["forwarded"]) or "–"),
            ("Drop-in routes", ", ".join(document["drop_in"]) or "–"),
            ("Errors", errors or "–"),
            ("Source", tr("description") if found.described else tr("code")),
        )
        console.print(fields(pairs))

    emit(document, as_json, render)


def _renewal(value: dict[str, Any]) -> str:
    return ", ".join(filter(None, (value["repeat"], value["limits"])))


def _document(found: "PlatformType") -> dict[str, Any]:
    platform = found.sample()
    values = {
        kind: {
            "repeat": way.repeat.value,
            "overlap": way.overlap,
            "limits": ", ".join(
                f"{each.limit}/{each.period.name.lower()}" for each in getattr(way, "limits", ())
            ),
        }
        for kind in platform.kinds
        for way in (platform.renewed(kind, ""),)
    }
    return {
        "name": found.name,
        "title": (found.settings.__doc__ or "").strip(),
        "base_url": platform.base_url,
        "addresses": dict(platform.addresses),
        "account_word": found.account_word,
        "kinds": list(platform.kinds),
        "modes": [mode for mode in platform.modes if mode],
        "values": values,
        "signatures": list(platform.sign_kinds),
        "exchanges": list(platform.exchanges),
        "forwarded": [] if platform.forwarding is None else list(platform.forwarding.prefixes),
        "drop_in": [each.path for each in found.drop_ins],
        "errors": {str(code): fault.severity.value for code, fault in platform.faults.items()},
        "remedies": {
            str(code): text.chinese if speaks_chinese() else text.english
            for code, text in found.remedies.items()
        },
        "sandbox": list(found.samples),
        "source": "description" if found.described else "code",
    }
