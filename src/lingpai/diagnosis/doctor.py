"""Every check of `lingpai doctor`, in order: those of the settings and files first, then those of the open store.

The checks are imported when they run: a worker that nobody asks for them needs no memory for them.
"""

# ruff: noqa: PLC0415

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from lingpai.messages.translating import tr
from lingpai.operating.findings import Finding
from lingpai.operating.site import Examiner

if TYPE_CHECKING:
    from lingpai.core.records import Account
    from lingpai.operating.site import Site
    from lingpai.settings import Settings


def check_host(settings: "Settings") -> list[Finding]:
    """Check the settings and the files of this host; nothing is opened, created or changed.

    It blocks: PostgreSQL is asked for its migrations.
    """
    from lingpai.diagnosis.exposure import check_exposure
    from lingpai.diagnosis.files import check_files
    from lingpai.diagnosis.trust import check_trust

    return [
        Finding("settings", str(settings.data.absolute()), "ok", _said_of(settings.files())),
        *check_trust(settings),
        *check_exposure(settings),
        *check_files(settings),
    ]


def _said_of(files: list[Path]) -> str:
    if not files:  # a command in another folder than the service's reads other settings
        return tr("Settings loaded; there is no lingpai.toml in {folder}.", folder=Path.cwd())
    return tr("Settings loaded from {files}.", files=", ".join(str(file.absolute()) for file in files))


def is_hopeless(findings: list[Finding]) -> bool:
    """Return whether the checks of the host found what keeps the store from being opened."""
    return any(each.verdict == "fail" and each.check != "files" for each in findings)


class Doctor(Examiner):
    """See `operating.site.Examiner`.

    Args:
        settings: of the service.
    """

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    @override
    async def examine(self, site: "Site", *, offline: bool, store_only: bool) -> list[Finding]:
        found = [] if store_only else await asyncio.to_thread(check_host, self._settings)
        return found if is_hopeless(found) else found + await self._check_store(site, offline=offline)

    @override
    async def examine_account(self, site: "Site", account: "Account") -> Finding:
        from lingpai.diagnosis.accounts import check_accounts

        return (await check_accounts(site.keeper, [account], site.advance))[0]

    async def _check_store(self, site: "Site", *, offline: bool) -> list[Finding]:
        from lingpai.diagnosis.accounts import check_accounts
        from lingpai.diagnosis.logins import check_logins
        from lingpai.diagnosis.relays import check_environments
        from lingpai.diagnosis.signing_realms import check_signing_realms
        from lingpai.diagnosis.stored import check_former_keys, check_named, check_store
        from lingpai.diagnosis.upstreams import check_upstreams
        from lingpai.settings import legacy_accounts

        keeper, settings = site.keeper, self._settings
        findings = await check_store(keeper)
        if any(each.verdict == "fail" for each in findings):
            return findings
        findings += await check_named(keeper, {each.name for each in legacy_accounts()})
        findings += await check_former_keys(keeper)
        findings += await check_signing_realms(settings, keeper, site.issuers, offline=offline)
        findings += await check_environments(keeper)
        if offline:
            return findings
        findings += await check_logins(settings, site.issuers)
        accounts = await keeper.store.list_accounts()
        findings += await check_upstreams(keeper, {each.platform for each in accounts})
        return findings + await check_accounts(keeper, accounts, site.advance)
