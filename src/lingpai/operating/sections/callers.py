"""The section `callers`: who may ask the keeper."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from lingpai.core.records import Caller
from lingpai.keeper import administration
from lingpai.keeper.callers import FIELDS, caller_flaws
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.keys import KEY_PREFIX, KEY_RANDOM_BYTES
from lingpai.messages.problems import OVERTAKEN, Problem
from lingpai.messages.translating import sentences, tr
from lingpai.operating.port import Document
from lingpai.operating.sections.section import Change, Plan, Section, Stage

CallerEntry = FIELDS.entry("CallerEntry", {"name": str}, key="")
"""See `records.Caller`; `key` may be a reference to one that is known elsewhere already. Without it one is made."""


async def plan(stage: Stage, entries: Sequence[Any], prune: bool) -> Plan:
    """Return the required changes. A key never changes; a replaced one is the caller's until it ends."""
    store = stage.keeper.store
    stored = {each.name: each for each in await store.list_callers()}
    changes: list[Change] = []
    problems: list[str] = []
    named: set[str] = set()
    keys: set[bytes] = set()
    for entry in entries:
        caller = _caller(stage, entry)
        found = sentences(caller_flaws(stage.keeper.platforms, caller))
        if caller.name in named:
            found.append(tr("It is in the file twice."))
        named.add(caller.name)
        try:
            changes.append(
                await _change(stage, stored.get(caller.name), caller, _given_key(stage, entry.key, keys))
            )
        except Problem as problem:
            found.append(str(problem))
        problems += [f"{caller.name}: {each}" for each in found]
    if prune:
        changes += [
            Change(name, "remove", perform=partial(administration.revoke_caller, stage.keeper, name))
            for name, each in stored.items()
            if name not in named and each.revoked_at is None
        ]
    return Plan(changes, problems)


def _caller(stage: Stage, entry: Any) -> Caller:
    return Caller(name=entry.name, **FIELDS.named(entry), created_at=stage.keeper.clock.now())


async def _change(stage: Stage, known: Caller | None, wanted: Caller, given: str) -> Change:
    keeper = stage.keeper
    if known is None:
        key = given or stage.site.caller_key(wanted.name)
        if await keeper.store.find_caller(keeper.digest_caller_key(key)) is not None:
            raise Problem(tr("Its key already belongs to another caller."))
        add = partial(_add, keeper, wanted, key)
        return Change(wanted.name, "add", perform=add, reveal="" if given else key)
    if known.revoked_at is not None:
        raise Problem(tr("It was revoked, and its name cannot be used again; choose another name."))
    if given:
        holder = await keeper.store.find_caller(keeper.digest_caller_key(given))
        if holder is None or holder.name != known.name:
            text = (
                "It has another key. Put its current one into the file, or none; "
                "`lingpai caller rotate {name}` makes a new one."
            )
            raise Problem(tr(text, name=known.name))
    differing = FIELDS.changed(known, wanted)
    if not differing:
        return Change(wanted.name, "keep")
    return Change(wanted.name, "change", differing, partial(_alter, keeper, known, wanted))


async def _add(keeper: Keeper, caller: Caller, key: str) -> None:
    if not await administration.add_caller(keeper, caller, key):
        raise Problem(f"{caller.name}: {tr(OVERTAKEN)}")


async def _alter(keeper: Keeper, known: Caller, caller: Caller) -> None:
    if not await administration.change_caller(keeper, known, caller):
        raise Problem(f"{caller.name}: {tr(OVERTAKEN)}")


def _given_key(stage: Stage, reference: str, keys: set[bytes]) -> str:
    """Return the key of an entry, or ""; add its digest to `keys`, those of the entries before."""
    if not reference:
        return ""
    key = stage.secret(reference)
    if not key.startswith(KEY_PREFIX) or len(key) < len(KEY_PREFIX) + KEY_RANDOM_BYTES:
        raise Problem(
            tr(
                "A caller key is {prefix} and at least {count} random characters after it.",
                prefix=KEY_PREFIX,
                count=KEY_RANDOM_BYTES,
            )
        )
    digest = stage.keeper.digest_caller_key(key)
    if digest in keys:
        raise Problem(tr("Another caller in the file has the same key."))
    keys.add(digest)
    return key


async def entries(stage: Stage) -> AsyncIterator[Document]:
    """Yield every caller that was not revoked, without its keys."""
    for each in await stage.keeper.store.list_callers():
        if each.revoked_at is None:
            yield {"name": each.name} | FIELDS.shown(each)


CALLERS = Section("callers", CallerEntry, plan, entries, "keeper", ("name",), ("key",))
