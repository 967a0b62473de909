"""Tickets: what pages' signatures are made with (docs/spec/yzb.md, "Rules")."""

import msgspec

from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, Grant, GrantKind
from lingpai.issuer.context import Issuer
from lingpai.issuer.lookups import LookUp, begin_look_up
from lingpai.issuer.tokens import make_tokens
from lingpai.issuer.verbs.app_tokens import new_app_grant
from lingpai.issuer.verbs.check import resolve
from lingpai.store.issuer_port import Outcome


class Ticket(msgspec.Struct, frozen=True):
    """A ticket; `expires_in` in seconds."""

    ticket: str
    expires_in: int

    def __repr__(self) -> str:
        """Never shows the ticket."""
        return f"Ticket(expires_in={self.expires_in})"


async def issue_ticket(issuer: Issuer, app: App, app_token: str, begun: LookUp | None = None) -> Ticket:
    """A new ticket of the app; the one before keeps what the policy says, each for itself (threat I79).

    Those who ask at the same time get the same ticket.

    Args:
        issuer: the realm.
        app: who asks.
        app_token: the app's own token that it gave.
        begun: the look-up of that token, if it was begun before.

    Raises:
        LingpaiError: INVALID_APP_TOKEN or EXPIRED_APP_TOKEN when `app_token` is not a live token of this app.
    """
    begun = begun or begin_look_up(issuer, app_token, HandleKind.APP_TOKEN)
    await resolve(issuer, HandleKind.APP_TOKEN, begun, app)
    grant = new_app_grant(issuer, app, GrantKind.TICKET, None)
    seen = await issuer.store.read_slot(grant)
    result = await issuer.store.take_slot(grant, seen=seen, keep=issuer.policy.keep.ticket, quota=None)
    return _ticket(issuer, result.grant or grant, repeated=result.outcome is Outcome.REPEATED)


async def live_tickets(issuer: Issuer, app: App, most: int = 100) -> tuple[str, ...]:
    """The app's live tickets, newest first, for verifying a page's signature; at most `most` of them.

    Each as every key of the ring writes it: one that was given before a rotation signs pages to its end.
    """
    proto = new_app_grant(issuer, app, GrantKind.TICKET, None)
    grants = await issuer.store.list_slot(proto, issuer.now(), most) if app.usable else ()
    return tuple(
        text
        for grant in grants
        for text in issuer.seal_with_each(
            HandleKind.TICKET, grant.id, grant.generation, grant.rotated_at, grant.salt
        )
    )


def _ticket(issuer: Issuer, grant: Grant, *, repeated: bool) -> Ticket:
    made = make_tokens(issuer, grant, repeated=repeated)
    return Ticket(made.access_token, made.expires_in)
