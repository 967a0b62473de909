"""The section `users`: who can log in on the issuer's pages."""

from collections.abc import Sequence
from functools import partial

import msgspec

from lingpai.cli.issuing import login_problems, password_problems
from lingpai.cli.messages import tr
from lingpai.cli.sections.draft import Draft
from lingpai.cli.sections.section import Change, Plan, Section, Stage
from lingpai.core.issuer_records import Profile
from lingpai.issuer import admin
from lingpai.issuer.administration import list_users
from lingpai.issuer.context import Issuer

SHOWN = ("nick", "avatar", "sex", "seller_name")


class UserEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A user; see `issuer_records.User`. `password` may be a reference; without it the password is left as it is."""

    login: str
    realm: str = ""
    password: str = ""
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
        found += draft.repeated(name)
        if not draft.accepts(name, found):
            continue
        change = await _change(issuer, name, entry, password)
        fresh = password if change.action == "add" or "password" in change.fields else ""
        least = issuer.policy.least_password if fresh else 0  # an existing password stays valid
        if draft.accepts(name, password_problems(fresh, least)):
            draft.changes.append(change)
    if prune:
        for issuer in stage.realms.some(""):
            async for each in list_users(issuer):
                draft.prune(issuer, each.login, partial(issuer.store.remove_user, each.id))
    return draft.plan()


async def _change(issuer: Issuer, name: str, entry: UserEntry, password: str) -> Change:
    known = await issuer.store.find_login(issuer.realm, entry.login)
    if known is None:
        return Change(name, "add", perform=partial(_add, issuer, entry, password))
    user, password_hash = known
    differing = [each for each in SHOWN if getattr(user.profile, each) != getattr(entry, each)]
    if user.disabled != entry.disabled:
        differing.append("disabled")
    if password and not await issuer.passwords.verify(password_hash, password):
        differing.append("password")
    if not differing:
        return Change(name, "keep")
    given = password if "password" in differing else ""
    return Change(name, "change", tuple(differing), partial(_alter, issuer, entry, given))


async def _add(issuer: Issuer, entry: UserEntry, password: str) -> None:
    user = await admin.add_user(issuer, entry.login, password, _profile(entry))
    if entry.disabled:
        await admin.disable_user(issuer, user)


async def _alter(issuer: Issuer, entry: UserEntry, password: str) -> None:
    user = await admin.find_user(issuer, entry.login)
    await admin.change_user(issuer, user, profile=_profile(entry), disabled=entry.disabled)
    if password:
        await admin.set_password(issuer, user, password)


def _profile(entry: UserEntry) -> Profile:
    return Profile(**{name: getattr(entry, name) for name in SHOWN})


USERS = Section("users", UserEntry, plan)
