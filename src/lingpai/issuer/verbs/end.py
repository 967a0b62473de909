"""End what was granted: the very next check on any worker sees it."""

from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, Grant, Member, Terminal
from lingpai.core.user_records import User
from lingpai.issuer.context import Issuer
from lingpai.issuer.lookups import look_up

_REVOCABLE = (HandleKind.REFRESH, HandleKind.ACCESS, HandleKind.APP_TOKEN, HandleKind.TICKET)


async def end_token(issuer: Issuer, app: App, token: str, reason: str = "revoked") -> bool:
    """End the grant behind a token of this app, whatever kind of token it is (RFC 7009; threat F62).

    False, and nothing ends, when it is not a token of this app's.
    """
    for kind in _REVOCABLE:
        handle, view = await look_up(issuer, token, kind)
        if handle is not None:
            break
    if view is None or view.grant.app != app.id:
        return False
    return await end_grant(issuer, view.grant, reason)


async def end_grant(issuer: Issuer, grant: Grant, reason: str) -> bool:
    """End one grant that was read. False when it has ended already, or its row is another grant's by now."""
    return await issuer.store.end_grant(grant, issuer.now(), reason)


async def end_user(issuer: Issuer, user: User) -> None:
    """End every grant of a user."""
    await issuer.recording(Change("user.end-grants", user.login)).end_all(user=user.id)


async def end_app(issuer: Issuer, app: App) -> None:
    """End every grant of an app: tokens of users, its own, and its tickets."""
    await issuer.recording(Change("app.end-grants", app.app_id)).end_all(app=app.id)


async def end_member(issuer: Issuer, member: Member) -> None:
    """End every grant of a user in one app: the consent was withdrawn."""
    await issuer.store.end_all(app=member.app, user=member.user)


async def end_terminal(issuer: Issuer, app: App, terminal: Terminal) -> None:
    """End what an app was granted for a terminal: `deleteprinter` (docs/spec/yilianyun.md).

    Raises:
        LingpaiError: INVALID_TERMINAL when nothing is.
    """
    if not await issuer.store.end_slot(app.id, terminal.id, issuer.now(), "terminal removed"):
        raise LingpaiError(Kind.INVALID_TERMINAL, "The terminal is not one of this app.")
