"""The section `accounts`: our apps at the upstream platforms."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from lingpai.cli.flaws import sentences
from lingpai.cli.messages import tr
from lingpai.cli.problems import OVERTAKEN, Problem
from lingpai.cli.sections.section import Change, Plan, Section, Stage
from lingpai.core.records import Account
from lingpai.keeper import administration
from lingpai.keeper.accounts import FIELDS, account_flaws
from lingpai.keeper.keeper import Keeper

AccountEntry = FIELDS.entry("AccountEntry", {"platform": str, "account": str, "secret": str}, label="")
"""See `records.Account`; `secret` may be a reference."""


async def plan(stage: Stage, entries: Sequence[Any], prune: bool) -> Plan:
    """Return the required changes. Accounts of the original's .env, and those of merchants, are never pruned."""
    store = stage.keeper.store
    stored = {each.name: each for each in await store.list_accounts()}
    changes: list[Change] = []
    problems: list[str] = []
    named: set[str] = set()
    for entry in entries:
        try:
            account = _account(stage, entry)
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
            if name not in named and each.source != "env" and each.via is None
        ]
    return Plan(changes, problems)


def _account(stage: Stage, entry: Any) -> Account:
    secret = stage.secret(entry.secret)
    if not secret:
        raise Problem(tr("The secret is empty."))
    given = msgspec.structs.asdict(entry)
    given |= {name: stage.secret(given[name]) for name in FIELDS.secrets if given[name]}
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


ACCOUNTS = Section("accounts", AccountEntry, plan)
