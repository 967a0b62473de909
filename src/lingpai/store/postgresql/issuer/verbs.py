"""The common part of the issuer's repositories: plain changes, and arguments of batched statements."""

from typing import Any, Final

from lingpai.core.issuer_records import Grant
from lingpai.store.issuer_port import Quota, SignedRequest
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.repository import Repository
from lingpai.store.queries import Row

Arguments = tuple[Any, ...]

_NO_QUOTA: Final = (None, None, None, None)
_NO_REQUEST: Final = (None, None, None, None)


def grant_arguments(grant: Grant) -> Arguments:
    """A new grant as the first 19 arguments of `add_grant` and `take_slot`."""
    return (
        *(grant.realm, int(grant.kind), grant.app, grant.user, grant.terminal, grant.member, grant.scope),
        *(grant.redirect_uri, grant.challenge, grant.challenge_method, grant.nonce, grant.audience),
        *(int(grant.state), grant.generation, grant.rotated_at, grant.created_at, grant.ends_at),
        *(grant.limit_at, grant.salt),
    )


def quota_arguments(quota: Quota | None) -> Arguments:
    """A quota as (end of its day, app, subject, limit)."""
    return _NO_QUOTA if quota is None else (quota.ends_at, quota.app, quota.subject, quota.limit)


def request_arguments(request: SignedRequest | None) -> Arguments:
    """A signed request as (app, timestamp, digest, end)."""
    return _NO_REQUEST if request is None else tuple(request)


class IssuerRepository(Repository):
    """Statements that are not called often enough to be batched."""

    async def _change(self, statement: str, *arguments: Any) -> list[Row]:
        """The rows of one statement that writes, once it is committed.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """

        async def change(connection: Connection) -> list[Row]:
            return list(map(tuple, await connection.fetch(statement, *arguments)))

        return await self._engine.transact(change)
