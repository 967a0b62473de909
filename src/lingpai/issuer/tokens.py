"""From a grant to what its holder gets: pairs of tokens, their ends, quotas."""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import FOREVER, Grant, GrantKind
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import DAY
from lingpai.issuer.scopes import scope_of_words
from lingpai.store.issuer_port import Quota

ACCESS_HANDLE = {
    GrantKind.USER: HandleKind.ACCESS,
    GrantKind.APP: HandleKind.APP_TOKEN,
    GrantKind.TICKET: HandleKind.TICKET,
}
GRANT_OF_HANDLE = {handle: grant for grant, handle in ACCESS_HANDLE.items()}


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a redeemed code, a refresh or an app's own request.

    Attributes:
        access_token: the token.
        refresh_token: what renews it, or "" where the policy has none.
        expires_in: seconds that `access_token` has left.
        scope: the scope; None where the dialect has none in answers.
        open_id: the user as the app knows them, or "".
        machine_code: the terminal's code, or "".
        repeated: True when this is an answer that was given before, or to somebody else at the same time.
        grant: the grant behind it.
        made_at: when the access token was made.
        words: the words of the grant's scope that it is good for (`Handle.words`).
    """

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str | None
    open_id: str
    machine_code: str
    repeated: bool
    grant: Grant
    made_at: int
    words: int = 0

    def __repr__(self) -> str:
        """Never shows a token."""
        return f"Tokens(grant={self.grant.id}, expires_in={self.expires_in})"


def make_tokens(
    issuer: Issuer,
    grant: Grant,
    *,
    open_id: str = "",
    machine_code: str = "",
    repeated: bool = False,
    words: int = 0,
) -> Tokens:
    """The pair of the grant's present generation: the same each time it is asked for.

    The access token is good for these `words` of the grant's scope (`Handle.words`), the refresh token for all.
    A first answer contains the whole lifetime, as the originals do, also when the second turns over during the commit.
    """
    made = grant.rotated_at
    names = (grant.id, grant.generation, made, grant.salt)
    life, sealers = issuer.lives[grant.kind], issuer.sealers
    end = min(made + life.token, grant.ends_at)
    return Tokens(
        access_token=sealers[ACCESS_HANDLE[grant.kind]](*names, words),
        refresh_token=sealers[HandleKind.REFRESH](*names) if life.refreshed else "",
        expires_in=max(0, end - issuer.now()) if repeated else end - made,
        scope=scope_of_words(grant.scope, words) if words else grant.scope,
        open_id=open_id,
        machine_code=machine_code,
        repeated=repeated,
        grant=grant,
        made_at=made,
        words=words,
    )


def has_outlived(issuer: Issuer, kind: GrantKind, issued_at: int) -> bool:
    """True when a token made at `issued_at` has expired, whatever the state of its grant."""
    life = issuer.lives[kind]
    return life.grant < FOREVER and issued_at + life.token <= issuer.now()


def quota_exceeded() -> LingpaiError:
    """Return the error for a used-up quota of tokens."""
    return LingpaiError(Kind.LIMIT_REACHED, "Daily token quota exceeded; try again tomorrow.")


def daily_quota(issuer: Issuer, app: int, terminal: int | None) -> Quota | None:
    """The taking of today's quota for an app and a terminal, or None when the policy has no quota."""
    daily = issuer.policy.daily
    if daily is None:
        return None
    day = (issuer.now() + daily.utc_offset) // DAY
    return Quota(app, terminal or 0, day, daily.limit, (day + 1) * DAY - daily.utc_offset)
