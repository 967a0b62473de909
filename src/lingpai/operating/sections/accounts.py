"""The section `accounts`: our apps at the upstream platforms."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from lingpai.core.records import ENV, Account
from lingpai.keeper import administration
from lingpai.keeper.accounts import FIELDS, account_flaws
from lingpai.keeper.keeper import Keeper
from lingpai.messages.problems import OVERTAKEN, Problem
from lingpai.messages.translating import sentences, tr
from lingpai.operating.port import Document
from lingpai.operating.sections.section import Change, Plan, Section, Stage

AccountEntry = FIELDS.entry("AccountEntry", {"platform": str, "account": str}, kept=FIELDS.secrets, label="")
"""See `records.Account`; secrets may be references. One that is left out stays as it is, "" removes it."""


async def plan(stage: Stage, entries: Sequence[Any], prune: bool) -> Plan:
    """Return the required changes. Accounts of the original's .env, and those of merchants, are never pruned."""
    store = stage.keeper.store
    stored = {each.name: each for each in await store.list_accounts()}
    changes: list[Change] = []
    problems: list[str] = []
    named: set[str] = set()
    for entry in entries:
        try:
            account = _account(stage, entry, stored)
        except Problem as problem:
            problems.append(f"{entry.platform}/{entry.account}: {problem}")
            continue
        found = sentences(account_flaws(stage.keeper.platforms, account))
        if account.name in named:
            found.append(tr("It is in the file twice."))
        problems += [f"{account.name}: {each}" for each in found]
        named.add(account.name)
        changes.append(_change(stage, stored.get(account.name), account))
    if prune:
        changes += [
            Change(name, "remove", perform=partial(administration.remove_account, stage.keeper, each))
            for name, each in stored.items()
            if name not in named and each.source != ENV and each.via is None
        ]
    return Plan(changes, problems)


def _account(stage: Stage, entry: Any, stored: Mapping[str, Account]) -> Account:
    given = msgspec.structs.asdict(entry)
    known = stored.get("/".join(filter(None, (entry.platform, entry.account, entry.label))))
    for name in FIELDS.secrets:
        if given[name] is msgspec.UNSET:
            given[name] = "" if known is None else getattr(known, name)
        else:
            given[name] = stage.secret(given[name])
    given["hand_out"] = "" if entry.hand_out == "token" else entry.hand_out
    if not given["secret"]:
        raise Problem(tr("The secret is empty."))
    return Account(**given, source="apply")


def _change(stage: Stage, known: Account | None, wanted: Account) -> Change:
    save = partial(_save, stage.keeper, known, wanted)
    if known is None:
        return Change(wanted.name, "add", perform=save)
    differing = FIELDS.changed(known, wanted)
    return Change(wanted.name, "change", differing, save) if differing else Change(wanted.name, "keep")


async def _save(keeper: Keeper, known: Account | None, wanted: Account) -> None:
    if not await administration.save_account(keeper, known, wanted):
        raise Problem(f"{wanted.name}: {tr(OVERTAKEN)}")


async def entries(stage: Stage) -> AsyncIterator[Document]:
    """Yield what there is, but for accounts of the original's .env, and those of merchants."""
    for each in await stage.keeper.store.list_accounts():
        if each.source != ENV and each.via is None:
            yield {"platform": each.platform, "account": each.account, "label": each.label} | FIELDS.shown(
                each
            )


ACCOUNTS = Section("accounts", AccountEntry, plan, entries, "keeper", ("platform", "account"), FIELDS.secrets)
