"""The user's own page: the apps with access, since when, last used; revoke access."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec

from lingpai.core.issuer_records import App, GrantView, Member
from lingpai.core.user_records import User
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import redirect
from lingpai.issuer.pages.render import moment, permission_words
from lingpai.issuer.pages.site import check_sender
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.apps import find_app
from lingpai.issuer.verbs.members import withdraw_consent
from lingpai.issuer.verbs.sessions import check_form

PAGE = 1000
"""Grants that are read at a time."""


class AccessPage(msgspec.Struct):
    """The parameters of the page; `ended` is not empty after a revocation, `changed` after a change of the password."""

    ended: Annotated[str, msgspec.Meta(max_length=8)] = ""
    changed: Annotated[str, msgspec.Meta(max_length=8)] = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class RevokeForm(msgspec.Struct):
    """The access to revoke: of an app, or of an app to one terminal."""

    app_id: Annotated[str, msgspec.Meta(max_length=512)] = ""
    machine_code: Annotated[str, msgspec.Meta(max_length=64)] = ""
    form_token: Annotated[str, msgspec.Meta(max_length=128)] = ""


async def show(params: AccessPage, visit: Visit) -> Reply:
    """Show the page of the logged-in user."""
    opened = await visit.find_session()
    if opened is None:
        return redirect(visit.path("/login"), headers=visit.headers)
    return visit.page(
        "own",
        switch=visit.path(""),
        user=opened.user,
        apps=await _apps_with_access(visit, opened.user),
        ended=bool(params.ended),
        end=visit.path("/end"),
        logout=visit.path("/logout"),
        password="" if visit.site.login else visit.path("/password"),
        changed=bool(params.changed),
    )


async def end(params: RevokeForm, visit: Visit) -> Reply:
    """Revoke the access that the user chose."""
    check_sender(visit.call)
    opened = await visit.find_session()
    if opened is None:
        return redirect(visit.path("/login", form="1" if visit.site.login else ""), headers=visit.headers)
    check_form(visit.issuer, opened.handle, params.form_token)
    user = opened.user
    app = await find_app(visit.issuer, params.app_id)
    await _end_grants(visit, app, user, params.machine_code)
    member = await visit.issuer.store.find_member(app.id, user.id)
    if member is not None and not params.machine_code:
        await withdraw_consent(visit.issuer, member)
    return redirect(visit.path("", ended="1"), headers=visit.headers)


async def _end_grants(visit: Visit, app: App, user: User, machine_code: str) -> None:
    """End the user's grants to an app, for one terminal or all.

    Ending the membership is not enough: terminals can be authorised without their user, and without any user.
    """
    store, now = visit.issuer.store, visit.issuer.now()
    async for view in _usable(visit, user):
        if view.grant.app == app.id and machine_code in {"", view.machine_code}:
            await store.end_grant(view.grant, now, "ended by the user")


async def _usable(visit: Visit, user: User) -> AsyncIterator[GrantView]:
    """Yield every grant of the user that gives access, newest first, read page by page."""
    store, now, before = visit.issuer.store, visit.issuer.now(), None
    while views := await store.list_user_grants(user.id, now, before, PAGE):
        for view in views:
            if view.usable:
                yield view
        before = views[-1].grant.id


async def _apps_with_access(visit: Visit, user: User) -> list[dict[str, Any]]:
    """Return the template's data of each app, sorted by name."""
    store = visit.issuer.store
    views = [view async for view in _usable(visit, user)]
    members = {member.app: member for member in await store.list_added(user.id)}
    entries = []
    for row in dict.fromkeys([*members, *(view.grant.app for view in views)]):
        app = await store.read_app(row)
        if app is not None:
            own = [view for view in views if view.grant.app == row]
            entries.append(_entry(visit, app, members.get(row), own))
    return sorted(entries, key=lambda entry: str(entry["name"]))


def _entry(visit: Visit, app: App, member: Member | None, views: list[GrantView]) -> dict[str, Any]:
    site, wall = visit.site, visit.issuer.wall
    scopes = [word for view in views for word in (view.grant.scope or "").split()]
    names = (*((member.scope or "").split() if member else scopes), *(member.permissions if member else ()))
    since = member.created_at if member else min(view.grant.created_at for view in views)
    used: dict[str, int] = {}
    for view in views:
        used[view.machine_code] = max(used.get(view.machine_code, 0), view.grant.rotated_at)
    return {
        "app_id": app.app_id,
        "name": app.name or app.app_id,
        "may": permission_words(visit.site, visit.language, names),
        "since": moment(site, wall(since)),
        "used": _last_use(visit, max(used.values(), default=0)),
        "machines": [{"code": code, "used": _last_use(visit, used[code])} for code in sorted(used) if code],
    }


def _last_use(visit: Visit, at: int) -> dict[str, str] | None:
    """Return the time of last use; None before the first use, such as for a code that was not redeemed yet."""
    return moment(visit.site, visit.issuer.wall(at)) if at else None
