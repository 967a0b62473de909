"""`lingpai doctor`: what is wrong, and what to do about it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.running import Data, Json, Steps, server, with_operating
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.operating.findings import Finding
    from lingpai.operating.port import Operating

Found = dict[str, Any]


def doctor(
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not contact the platforms.", show_default=False)
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check settings, files, store, clock, signing keys, platforms and every account; say how to fix each problem.

    Exit code 1 when there is a problem.
    """
    from lingpai.cli.output import emit, say, state, table

    found = _examine(data, {"offline": offline}) if server() else _examine_here(data, offline=offline)

    def render(console: "Console") -> None:
        rows = [
            (state(each["verdict"]), tr(each["check"]), each["subject"] or "–", _prose(each))
            for each in found["findings"]
        ]
        console.print(table("Lingpai doctor", ("Verdict", "What", "Which", "Finding"), rows))
        verdict = tr("Everything works.") if found["healthy"] else tr("There are problems; see above.")
        say(console, verdict, "green" if found["healthy"] else "bold red")

    emit(found, as_json, render)
    if not found["healthy"]:
        raise typer.Exit(1)


def _prose(finding: Found) -> str:
    return f"{finding['message']}\n→ {finding['remedy']}" if finding["remedy"] else str(finding["message"])


def _examine(data: Path | None, wanted: Found) -> Found:
    from lingpai.cli.output import progress

    steps = Steps()

    async def ask(port: "Operating") -> Found:
        accounts = 0 if wanted["offline"] else (await port.count("accounts")).number
        with progress("Fetching tokens", accounts) as advance:
            steps.shown = advance
            return await port.act("doctor", (), "examine", wanted)

    return with_operating(data, ask, steps=steps)


def _examine_here(data: Path | None, *, offline: bool) -> Found:
    """Examine this host, also when its store cannot be opened."""
    from lingpai.diagnosis.doctor import check_host, is_hopeless
    from lingpai.messages.problems import SettingsError, explain
    from lingpai.operating.findings import Finding
    from lingpai.settings import load_settings

    try:
        settings = load_settings(data=data)
    except SettingsError as error:
        return _result([Finding("settings", "", "fail", explain(error) or str(error))])
    findings = check_host(settings)
    if is_hopeless(findings):
        return _result(findings)
    try:
        found = _examine(data, {"offline": offline, "store_only": True})["findings"]
        return _result([*findings, *(Finding(**each) for each in found)])
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        return _result([*findings, Finding("store", settings.store_address.name, "fail", line)])


def _result(findings: "list[Finding]") -> Found:
    import msgspec

    healthy = not any(each.verdict == "fail" for each in findings)
    return {"healthy": healthy, "findings": msgspec.to_builtins(findings)}
