"""What operators need beyond single things: whole directories, open_ids from elsewhere, grants by what they are for."""

from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, GrantView, Machine, Member, User
from lingpai.issuer.admin import add_user, list_grants
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.apps import find_app

PAGE = 500


class Known(NamedTuple):
    """A user as an app knows them already: the app's public id, the user's login name, the open_id."""

    app_id: str
    login: str
    open_id: str


async def list_users(issuer: Issuer) -> AsyncIterator[User]:
    """Every user of a realm, oldest first, read page by page."""
    after = 0
    while users := await issuer.store.list_users(issuer.realm, after, PAGE):
        for user in users:
            yield user
        after = users[-1].id


async def import_known(issuer: Issuer, rows: Iterable[Known], *, add_users: bool = False) -> tuple[int, int]:
    """Take over open_ids that were given out elsewhere, of several apps, all or none; again changes nothing.

    Args:
        issuer: the realm.
        rows: who is known to which app as what.
        add_users: add users that are missing, without a password. They stay, should an open_id be refused.

    Returns:
        How many open_ids there were, and how many users were added.

    Raises:
        LingpaiError: UNKNOWN_APP or NOT_FOUND, with the name at fault as detail; INVALID_OPEN_ID when one is
            taken or its user has another in that app.
    """
    apps: dict[str, App] = {}
    users: dict[str, User] = {}
    missing: set[str] = set()
    rows = tuple(rows)
    for row in rows:
        if row.app_id not in apps:
            apps[row.app_id] = await _app(issuer, row.app_id)
        if row.login not in users and row.login not in missing:
            found = await issuer.store.find_login(issuer.realm, row.login)
            if found is not None:
                users[row.login] = found[0]
            elif add_users:
                missing.add(row.login)
            else:
                raise LingpaiError(Kind.NOT_FOUND, "There is no such user.", detail=row.login)
    for login in sorted(missing):
        users[login] = await add_user(issuer, login, "")
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
    return await issuer.store.import_open_ids(members), len(missing)


async def find_grants(
    issuer: Issuer,
    *,
    app: App | None = None,
    user: User | None = None,
    machine: Machine | None = None,
    limit: int = 100,
) -> list[GrantView]:
    """Up to `limit` grants that have not ended, newest first, of an app, a user and a terminal when given."""
    found: list[GrantView] = []
    before: int | None = None
    while True:
        page = await list_grants(issuer, app=app, user=user, before=before, limit=PAGE)
        found += [view for view in page.views if machine is None or view.grant.machine == machine.id]
        before = page.before
        if before is None or len(found) >= limit:
            return found[:limit]


async def _app(issuer: Issuer, app_id: str) -> App:
    try:
        return await find_app(issuer, app_id)
    except LingpaiError as error:
        raise LingpaiError(error.kind, error.reason, detail=app_id) from error
