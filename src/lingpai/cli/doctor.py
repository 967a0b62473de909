"""`lingpai doctor`: what is wrong, and what to do about it."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lingpai.cli.messages import tr
from lingpai.cli.running import Data, Json, demand_host

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.cli.diagnosis.finding import Finding
    from lingpai.settings import Settings


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
    demand_host()
    from lingpai.cli.output import emit, say, state, table

    findings = _diagnose(data, offline=offline)
    healthy = not any(each.verdict == "fail" for each in findings)

    def render(console: "Console") -> None:
        rows = [(state(each.verdict), tr(each.check), each.subject or "–", _prose(each)) for each in findings]
        console.print(table("Lingpai doctor", ("Verdict", "What", "Which", "Finding"), rows))
        verdict = tr("Everything works.") if healthy else tr("There are problems; see above.")
        say(console, verdict, "green" if healthy else "bold red")

    emit({"healthy": healthy, "findings": findings}, as_json, render)
    if not healthy:
        raise typer.Exit(1)


def _prose(finding: "Finding") -> str:
    return f"{finding.message}\n→ {finding.remedy}" if finding.remedy else finding.message


def _diagnose(data: Path | None, *, offline: bool) -> "list[Finding]":
    from lingpai.cli.diagnosis.exposure import check_exposure
    from lingpai.cli.diagnosis.files import check_files
    from lingpai.cli.diagnosis.finding import Finding
    from lingpai.cli.diagnosis.trust import check_trust
    from lingpai.cli.problems import explain
    from lingpai.settings import SettingsError, load_settings
    from lingpai.settings.sources import settings_files

    try:
        settings = load_settings(data=data)
    except SettingsError as error:
        return [Finding("settings", "", "fail", explain(error) or str(error))]
    findings = [
        Finding("settings", str(settings.data.absolute()), "ok", _said_of(settings_files(data))),
        *check_trust(settings),
        *check_exposure(settings),
        *check_files(settings),
    ]
    if any(each.verdict == "fail" and each.check != "files" for each in findings):
        return findings
    try:
        return findings + asyncio.run(_diagnose_open(settings, offline=offline))
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        return [*findings, Finding("store", settings.store_address.name, "fail", line)]


def _said_of(files: list[Path]) -> str:
    if not files:  # a command in another folder than the service's reads other settings
        return tr("Settings loaded; there is no lingpai.toml in {folder}.", folder=Path.cwd())
    return tr("Settings loaded from {files}.", files=", ".join(str(file.absolute()) for file in files))


async def _diagnose_open(settings: "Settings", *, offline: bool) -> "list[Finding]":
    from lingpai.cli.diagnosis.accounts import check_accounts
    from lingpai.cli.diagnosis.logins import check_logins
    from lingpai.cli.diagnosis.relays import check_environments
    from lingpai.cli.diagnosis.signing_realms import check_signing_realms
    from lingpai.cli.diagnosis.stored import check_former_keys, check_named, check_store
    from lingpai.cli.diagnosis.upstreams import check_upstreams
    from lingpai.cli.output import progress
    from lingpai.cli.running import quiet
    from lingpai.service import open_keeper
    from lingpai.settings import legacy_accounts

    with quiet():
        async with open_keeper(settings) as keeper:
            findings = await check_store(keeper)
            if any(each.verdict == "fail" for each in findings):
                return findings
            findings += await check_named(keeper, {each.name for each in legacy_accounts()})
            findings += await check_former_keys(keeper)
            findings += await check_signing_realms(settings, keeper, offline=offline)
            findings += await check_environments(keeper)
            if offline:
                return findings
            findings += await check_logins(settings, keeper)
            accounts = await keeper.store.list_accounts()
            findings += await check_upstreams(keeper, {each.platform for each in accounts})
            with progress("Fetching tokens", len(accounts)) as advance:
                return findings + await check_accounts(keeper, accounts, advance)
