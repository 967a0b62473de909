"""Operators' actions on resource servers, grants and many rows: lists of users, import of open_ids."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import NamedTuple

from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.escaping import shown
from lingpai.core.fields import Fields
from lingpai.core.issuer_records import App, Grant, GrantView, Member, Resource, Terminal
from lingpai.core.names import fold
from lingpai.core.user_records import User
from lingpai.issuer.admin import PAGE, add_user, list_grants
from lingpai.issuer.checks import check_label, check_login, check_open_id
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.apps import find_app
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import Code, issue_code
from lingpai.issuer.verbs.members import consent, open_member

RESOURCE_FIELDS = Fields(Resource, "name", "scopes", "token_format", "alg", "access", "introspector")


class Known(NamedTuple):
    """An open_id that an app already uses: the app's public id, the user's login name, the open_id."""

    app_id: str
    login: str
    open_id: str


async def list_users(issuer: Issuer, after: int = 0) -> AsyncIterator[User]:
    """Yield every user of a realm with a row above `after`, oldest first, read page by page."""
    while users := await issuer.store.list_users(issuer.realm, after, PAGE):
        for user in users:
            yield user
        if len(users) < PAGE:
            return
        after = users[-1].id


async def import_known(issuer: Issuer, rows: Iterable[Known], *, add_users: bool = False) -> tuple[int, int]:
    """Import open_ids that another service issued, for several apps, all or none; repeating it changes nothing.

    Args:
        issuer: the realm.
        rows: the open_ids.
        add_users: add missing users, without a password. They stay even when an open_id is refused.

    Returns:
        The number of open_ids, and the number of added users.

    Raises:
        LingpaiError: UNKNOWN_APP, NOT_FOUND, INVALID_PARAMETER or INVALID_OPEN_ID, with the name at fault as detail;
            INVALID_OPEN_ID also when one is taken or its user has another in that app.
    """
    apps: dict[str, App] = {}
    users: dict[str, User] = {}
    missing: dict[str, str] = {}
    rows = tuple(rows)
    for row in rows:
        with _naming(row.open_id):
            check_open_id(row.open_id)
        if row.app_id not in apps:
            with _naming(row.app_id):
                apps[row.app_id] = await find_app(issuer, check_label(row.app_id, "app_id"))
        if row.login not in users and row.login not in missing:
            with _naming(row.login):
                check_login(row.login)
                found = await issuer.store.find_login(issuer.realm, row.login)
                if found is not None:
                    users[row.login] = found[0]
                elif add_users:
                    missing[row.login] = fold(row.login)
                else:
                    raise LingpaiError(Kind.NOT_FOUND, "There is no such user.")
    added: dict[str, User] = {}
    for login, key in sorted(missing.items()):
        if key not in added:  # otherwise it is another spelling of an added one
            added[key] = await add_user(issuer, login, "")
    users |= {login: added[key] for login, key in missing.items()}
    members = [
        Member(
            app=apps[row.app_id].id,
            user=users[row.login].id,
            open_id=row.open_id,
            added=True,
            created_at=issuer.now(),
        )
        for row in rows
    ]
    change = Change("user.import", "", after={"open_ids": len(members)})
    return await issuer.recording(change).import_open_ids(members), len(added)


async def find_grants(
    issuer: Issuer,
    *,
    app: App | None = None,
    user: User | None = None,
    terminal: Terminal | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[GrantView]:
    """Return up to `limit` grants that have not ended, newest first, of an app, a user and a terminal when given.

    With `before`, those with ids below it. They are read page by page, so that each query is short.
    """
    found: list[GrantView] = []
    while True:
        page = await list_grants(issuer, app=app, user=user, terminal=terminal, before=before, limit=PAGE)
        found += page.views
        before = page.before
        if before is None or len(found) >= limit:
            return found[:limit]


async def allow_code(
    issuer: Issuer, app: App, user: User, asked: Asked, terminal: Terminal | None = None
) -> Code:
    """Record the user's consent to all permissions of the app, and issue a code as after login and consent.

    Raises:
        LingpaiError: as `issue_code` does; no consent is recorded then.
    """
    scope = asked.scope or issuer.policy.default_scope
    # Before: there must be no code that the audit trail does not have.
    await issuer.note(Change("grant.code", app.app_id, after={"user": user.login, "scope": scope}))
    code = await issue_code(issuer, app, user, asked, terminal)
    await consent(issuer, app, await open_member(issuer, app, user), scope, app.permissions)
    return code


async def save_resource(issuer: Issuer, known: Resource | None, wanted: Resource) -> Resource | None:
    """Add a resource server, or replace one that still is as `known`. None when it is not."""
    action = "resource.add" if known is None else "resource.change"
    before = None if known is None else RESOURCE_FIELDS.shown(known)
    change = Change.between(action, wanted.uri, before, RESOURCE_FIELDS.shown(wanted))
    return await issuer.recording(change).replace_resource(known, wanted)


async def remove_resource(issuer: Issuer, resource: Resource) -> bool:
    """Remove a resource server. False when there is none."""
    change = Change.between("resource.remove", resource.uri, RESOURCE_FIELDS.shown(resource), None)
    return await issuer.recording(change).remove_resource(issuer.realm, resource.uri)


async def end_grant(issuer: Issuer, grant: Grant, reason: str) -> bool:
    """End one grant that was read. False when it has ended already."""
    change = Change("grant.end", str(grant.id), reason=reason)
    return await issuer.recording(change).end_grant(grant, issuer.now(), reason)


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Add the name at fault to an error, as its detail."""
    try:
        yield
    except LingpaiError as error:
        raise LingpaiError(error.kind, error.reason, detail=shown(name)) from error
