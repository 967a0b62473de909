"""The section `users`: who can log in on the issuer's pages."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

import msgspec

from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.issuer.administration import list_users
from lingpai.issuer.context import Issuer
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr
from lingpai.operating.port import Document
from lingpai.operating.sections.checking import hash_problems, login_problems, password_problems
from lingpai.operating.sections.draft import Draft
from lingpai.operating.sections.section import Change, Plan, Section, Stage

SHOWN = ("nick", "avatar", "sex", "seller_name")


class UserEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A user; see `user_records.User`. `password` may be a reference; without it the password is left as it is.

    `password_hash`, of another system, is for users who are added, or have no password; it may be a reference.
    """

    login: str
    realm: str = ""
    password: str = ""
    password_hash: str = ""
    nick: str = ""
    avatar: str = ""
    sex: str = "3"
    seller_name: str = ""
    disabled: bool = False

    def __repr__(self) -> str:
        """Return a text without the password."""
        return f"UserEntry({self.realm}/{self.login})"


async def plan(stage: Stage, entries: Sequence[UserEntry], prune: bool) -> Plan:
    """Return the required changes. Each given password is compared with the stored hash, which takes time."""
    draft = Draft("users", stage)
    for entry in entries:
        target = draft.resolve(entry.login, entry.realm, entry.password)
        if target is None:
            continue
        issuer, password, name = target
        found = login_problems(entry.login) + password_problems(password)
        if entry.sex not in ("1", "2", "3"):
            found.append(tr("sex is 1 (male), 2 (female) or 3 (unknown)."))
        hashed, problems = _given_hash(stage, entry)
        found += problems
        found += draft.repeated(name)
        if not draft.accepts(name, found):
            continue
        change = await _change(issuer, name, entry, password, hashed)
        fresh = password if change.action == "add" or "password" in change.fields else ""
        least = issuer.policy.least_password if fresh else 0  # an existing password stays valid
        if draft.accepts(name, password_problems(fresh, least)):
            draft.changes.append(change)
    if prune:
        for issuer in stage.realms.some(""):
            async for each in list_users(issuer):
                draft.prune(issuer, each.login, partial(admin.remove_user, issuer, each))
    return draft.plan()


def _given_hash(stage: Stage, entry: UserEntry) -> tuple[str, list[str]]:
    """Return the hash that an entry gives, "" for none, and its problems."""
    try:
        hashed = stage.secret(entry.password_hash)
    except Problem as error:
        return "", [str(error)]
    if hashed and entry.password:
        return hashed, [tr("Give either password or password_hash.")]
    return hashed, hash_problems(hashed) if hashed else []


async def _change(issuer: Issuer, name: str, entry: UserEntry, password: str, hashed: str) -> Change:
    known = await issuer.store.find_login(issuer.realm, entry.login)
    if known is None:
        return Change(name, "add", perform=partial(_add, issuer, entry, password, hashed))
    user, password_hash = known
    differing = [each for each in SHOWN if getattr(user.profile, each) != getattr(entry, each)]
    if user.disabled != entry.disabled:
        differing.append("disabled")
    if password and not await issuer.passwords.verify(password_hash, password):
        differing.append("password")
    if hashed and not password_hash:
        differing.append("password_hash")
    if not differing:
        return Change(name, "keep")
    given = password if "password" in differing else ""
    return Change(
        name,
        "change",
        tuple(differing),
        partial(_alter, issuer, entry, given, "" if password_hash else hashed),
    )


async def _add(issuer: Issuer, entry: UserEntry, password: str, hashed: str) -> None:
    await admin.add_user(
        issuer, entry.login, password, _profile(entry), password_hash=hashed, disabled=entry.disabled
    )


async def _alter(issuer: Issuer, entry: UserEntry, password: str, hashed: str) -> None:
    user = await admin.find_user(issuer, entry.login)
    if password:  # before a disabled user is enabled: the earlier password must not log in
        await admin.set_password(issuer, user, password)
    elif hashed:
        await admin.give_hash(issuer, user, hashed)
    await admin.change_user(issuer, user, profile=_profile(entry), disabled=entry.disabled)


def _profile(entry: UserEntry) -> Profile:
    return Profile(**{name: getattr(entry, name) for name in SHOWN})


async def entries(stage: Stage) -> AsyncIterator[Document]:
    """Yield every user, without their passwords."""
    for issuer in stage.realms.some(""):
        async for each in list_users(issuer):
            profile = {name: getattr(each.profile, name) for name in SHOWN}
            yield {"realm": issuer.realm, "login": each.login, **profile, "disabled": each.disabled}


USERS = Section("users", UserEntry, plan, entries, "issuer", ("login",), ("password", "password_hash"))
