"""Users as apps know them: open_ids, permissions, consent (threat I82)."""

from collections.abc import Sequence

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Member
from lingpai.core.user_records import User
from lingpai.issuer.context import Issuer
from lingpai.issuer.sectors import sector_of
from lingpai.issuer.verbs.versions import without_versions

OPEN_ID_BYTES = 16
"""32 lower-case hex digits, as the original mall shows them (docs/spec/mall.md)."""


async def open_member(issuer: Issuer, app: App, user: User) -> Member:
    """The user's member in the app, with an open_id by the policy when there was none."""
    member = await issuer.store.find_member(app.id, user.id)
    if member is not None:
        return member
    open_id, union_id = (issuer.random_bytes(OPEN_ID_BYTES).hex() for _ in range(2))
    if issuer.policy.shared_open_ids:  # the row's number can come again, and not in the same second
        sector = sector_of(app)
        parts = ("open_id of a sector", sector) if sector else ("open_id",)
        open_id = issuer.digest_of(*parts, str(user.id), str(user.created_at))[:OPEN_ID_BYTES].hex()
    fresh = Member(app=app.id, user=user.id, open_id=open_id, union_id=union_id, created_at=issuer.now())
    return await issuer.store.open_member(fresh, app.owner)


async def find_open_id(issuer: Issuer, app: App, open_id: str) -> tuple[Member, User]:
    """Return the user whom an open_id of this app names.

    Raises:
        LingpaiError: INVALID_OPEN_ID when nobody, or a user who was disabled.
    """
    found = await issuer.store.find_open_id(app.id, open_id)
    if found is None or found[1].disabled:
        raise LingpaiError(Kind.INVALID_OPEN_ID, "There is no such open_id in this app.", parameter="open_id")
    return found


async def count_members(issuer: Issuer, app: App) -> int:
    """Count the users who have added the app."""
    return await issuer.store.count_members(app.id)


async def list_members(issuer: Issuer, app: App, after: int, limit: int) -> tuple[Member, ...]:
    """Up to `limit` users who have added the app, with ids above `after` (0 for the first page)."""
    return await issuer.store.list_members(app.id, after, limit)


def require_added(member: Member) -> None:
    """Refuse what needs that the user has added the app.

    Raises:
        LingpaiError: NOT_ADDED.
    """
    if not member.added:
        raise LingpaiError(Kind.NOT_ADDED, "The user did not add the app.")


def require_permission(member: Member, permission: str) -> None:
    """Refuse what the user did not allow the app.

    Raises:
        LingpaiError: NO_PERMISSION.
    """
    if permission not in member.permissions:
        raise LingpaiError(Kind.NO_PERMISSION, f"The app has no permission {permission}.")


def needs_consent(member: Member | None, scope: str | None, permissions: Sequence[str] = ()) -> bool:
    """True when the user has yet to allow some of this."""
    if member is None or not member.added:
        return True
    allowed = set((member.scope or "").split())
    return not (set((scope or "").split()) <= allowed and set(permissions) <= set(member.permissions))


async def consent(
    issuer: Issuer, app: App, member: Member, scope: str | None, permissions: Sequence[str] = ()
) -> Member:
    """Add the app for the user and let it have this scope and these permissions besides what it has.

    Of what an app says of itself, the newest version that the user saw counts alone.

    Raises:
        LingpaiError: NO_PERMISSION when the app may not ask for one of them, INVALID_OPEN_ID when the member
            is
            gone.
    """
    foreign = set(permissions) - set(app.permissions)
    if foreign:
        raise LingpaiError(Kind.NO_PERMISSION, f"The app may not request {min(foreign)}.")
    allowed_now, before = (scope or "").split(), (member.scope or "").split()
    if without_versions(allowed_now) != allowed_now:
        before = without_versions(before)
    words = dict.fromkeys([*before, *allowed_now])
    allowed = tuple(dict.fromkeys([*member.permissions, *permissions]))
    return await _save(issuer, member, " ".join(words) or None, allowed, added=True)


async def withdraw_consent(issuer: Issuer, member: Member) -> Member:
    """Take back all that the user allowed the app; its grants for the user end. The open_id stays."""
    saved = await _save(issuer, member, None, (), added=False)
    await issuer.store.end_all(app=member.app, user=member.user)
    return saved


async def _save(
    issuer: Issuer, member: Member, scope: str | None, permissions: tuple[str, ...], *, added: bool
) -> Member:
    if not await issuer.store.save_consent(member.id, scope, permissions, added=added):
        raise LingpaiError(Kind.INVALID_OPEN_ID, "The user was removed from this app.")
    found = await issuer.store.find_member(member.app, member.user)
    return found or member
