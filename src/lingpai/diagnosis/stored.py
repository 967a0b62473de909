"""Checks of the open store."""

from collections.abc import Collection
from pathlib import Path

from lingpai.core.errors import LingpaiError
from lingpai.core.records import ENV
from lingpai.keeper.keeper import Keeper
from lingpai.messages.problems import explain
from lingpai.messages.spans import local
from lingpai.messages.translating import tr
from lingpai.operating.findings import Finding
from lingpai.operating.sealing import count_sealed
from lingpai.store.opening import issuer_beside

MOST_TWINS = 20
"""Most logins that are listed because they differ from another user's only in spelling."""


async def check_store(keeper: Keeper) -> list[Finding]:
    """Check that the store reads and writes, and that the ring has every key that encrypted a value in it."""
    try:
        await keeper.store.ping()
        counts = await count_sealed(keeper)
        unopened = await keeper.store.unopened()
        twins = await issuer_beside(keeper.store).list_twins(MOST_TWINS)
    except LingpaiError as error:
        return [
            Finding(
                "store",
                "",
                "fail",
                explain(error) or error.reason,
                tr("Check the disk: space and permissions."),
            )
        ]
    findings = [Finding("store", "", "ok", tr("It reads and writes.")), *_check_keys(keeper, counts)]
    return (
        findings
        + [
            Finding(
                "key ring",
                tr("key {key}", key=key),
                "fail",
                tr(
                    "The values were encrypted with another key of the same number; the key in "
                    "the ring cannot decrypt them."
                ),
                tr("Restore the key ring that belongs to this store from a backup."),
            )
            for key in unopened
        ]
        + [
            Finding(
                "logins",
                f"{realm}/{login}",
                "warn",
                tr(
                    "Another user of the realm has the same login in another spelling (case, "
                    "width, composed letters)."
                ),
                tr("Each of them logs in with the exact spelling. Remove the one that is not used."),
            )
            for realm, login in twins
        ]
    )


async def check_named(keeper: Keeper, named: Collection[str]) -> list[Finding]:
    """Find accounts from a `.env` that no longer names them.

    Args:
        keeper: the keeper.
        named: names of the accounts that the `.env` and the environment have now.
    """
    return [
        Finding(
            "account",
            each.name,
            "warn",
            tr(
                "It was added from a .env file, but neither the .env in {folder} nor the "
                "environment names it now.",
                folder=Path.cwd(),
            ),
            tr(
                "It is not removed automatically: run `lingpai account remove {name}` if it is not needed.",
                name=each.name,
            ),
        )
        for each in await keeper.store.list_accounts()
        if each.source == ENV and each.name not in named
    ]


async def check_former_keys(keeper: Keeper) -> list[Finding]:
    """List the callers with more than one valid key, and the end of the replaced one."""
    ends: dict[str, list[str]] = {}
    for each in await keeper.store.list_former_keys():
        ends.setdefault(each.caller, []).append(local(each.ends_at))
    return [
        Finding(
            "caller",
            name,
            "ok",
            tr(
                "Valid keys: {count}; the former ones end at {ends}.",
                count=1 + len(found),
                ends=", ".join(found),
            ),
        )
        for name, found in ends.items()
    ]


def _check_keys(keeper: Keeper, counts: dict[int, int]) -> list[Finding]:
    known = {key.id for key in keeper.ring.keys}
    findings = [
        Finding(
            "key ring",
            tr("key {key}", key=key),
            "fail",
            tr("Stored values encrypted with a key that the ring does not have: {count}.", count=count),
            tr("Copy the key ring of the node where the key was rotated, or restore it from a backup."),
        )
        for key, count in counts.items()
        if key not in known
    ]
    old = sum(count for key, count in counts.items() if key in known and key != keeper.ring.newest.id)
    if old:
        message = tr("Stored values still encrypted with an older key: {count}.", count=old)
        findings.append(Finding("key ring", "", "warn", message, tr("Run `lingpai key reseal`.")))
    return findings
