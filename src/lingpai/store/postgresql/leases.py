"""Verbs on leases, and those that only a lease allows (`store.port`).

Each is guarded by the lease's fence in its statement: a holder that was overtaken changes nothing.
"""

from typing import Final

from typing_extensions import override

from lingpai.core.clock import End, end_after
from lingpai.core.records import Credential, CredentialKey, Lease, Trouble
from lingpai.store.events import note_renewed, note_trouble, note_well
from lingpai.store.port import Fetched, LeaseAttempt
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.credentials import Credentials
from lingpai.store.postgresql.events import event_statements
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.rows import NO_END, as_of_now, is_older, read_credential, write_trouble

_SQL: Final = {**load_queries("credentials"), **load_queries("leases")}


class Leases(Credentials):
    """See `store.port.Store`."""

    @override
    async def acquire_lease(self, key: CredentialKey, holder: str, seen: int, ttl: float) -> LeaseAttempt:

        async def acquire(connection: Connection) -> LeaseAttempt:
            while (locked := await connection.fetchrow(_SQL["lock_credential"], *key)) is None:
                await connection.execute(_SQL["add_credential"], *key, self._clock.now())
            credential_id, before = locked
            credential = await self._load(connection, credential_id)
            now = (self._clock.now(), self._clock.steady(), self._clock.epoch)
            end = end_after(self._clock, ttl)
            fence = await connection.fetchval(_SQL["acquire_lease"], credential_id, holder, seen, *end, *now)
            if fence is None:
                return LeaseAttempt(None, credential)
            took_over = before not in (None, holder)
            return LeaseAttempt(Lease(credential_id, holder, fence, took_over), credential)

        return await self._engine.transact(acquire)

    @override
    async def save_generation(
        self, lease: Lease, fetched: Fetched, previous_end: End, renew: End | None
    ) -> Credential | None:

        async def save(connection: Connection) -> Credential | None:
            guard = (lease.credential_id, lease.fence)
            return await self._save_newest(connection, guard, fetched, previous_end, renew)

        return await self._engine.transact(save)

    @override
    async def put_generation(
        self,
        key: CredentialKey,
        fetched: Fetched,
        previous_end: End,
        renew: End | None,
        seen: int | None = None,
    ) -> Credential | None:

        async def put(connection: Connection) -> Credential | None:
            while (locked := await connection.fetchrow(_SQL["lock_credential"], *key)) is None:
                await connection.execute(_SQL["add_credential"], *key, self._clock.now())
            credential = await self._load(connection, locked[0])
            if is_older(fetched, credential, seen):
                return None
            fence = await connection.fetchval(_SQL["overtake"], credential.id)
            return await self._save_newest(connection, (credential.id, fence), fetched, previous_end, renew)

        return await self._engine.transact(put)

    async def _save_newest(
        self,
        connection: Connection,
        guard: tuple[int, int],
        fetched: Fetched,
        previous_end: End,
        renew: End | None,
    ) -> Credential | None:
        """Make a value the current generation of the credential with this id, if this is its fence still."""
        found = await connection.fetchrow(_SQL["lock_fenced"], *guard)
        if found is None:
            return None
        newest, trouble = found
        version = await self._keep(connection, guard[0], newest, fetched, previous_end)
        progress = (version, *(renew or NO_END), fetched.end.wall)
        await connection.execute(_SQL["save_progress"], *guard, *progress)
        statements, now = event_statements(connection), self._clock.now()
        if version != newest:
            await note_renewed(statements, now, guard[0], fetched)
        if trouble is not None:
            await note_well(statements, now, guard[0])
        return await self._load(connection, guard[0])

    @override
    async def save_trouble(self, lease: Lease, trouble: Trouble, renew: End | None) -> bool:
        columns = (write_trouble(trouble), *(renew or NO_END), trouble.retry.wall)
        guard = (lease.credential_id, lease.fence)

        async def save(connection: Connection) -> bool:
            found = await connection.fetchrow(_SQL["lock_fenced"], *guard)
            if found is None:
                return False
            await connection.execute(_SQL["save_trouble"], *guard, *columns)
            if found[1] is None:
                await note_trouble(
                    event_statements(connection), self._clock.now(), lease.credential_id, trouble
                )
            return True

        return await self._engine.transact(save)

    @override
    async def release_lease(self, lease: Lease) -> bool:
        return bool(await self._engine.write(_SQL["release_lease"], lease.credential_id, lease.fence))

    async def _load(self, connection: Connection, credential_id: int) -> Credential:
        rows = list(map(tuple, await connection.fetch(_SQL["read_credential_by_id"], credential_id)))
        credential = as_of_now(read_credential(rows, self._vault), self._clock)
        if credential is None:
            raise RuntimeError("a locked row is gone")
        return credential

    async def _keep(
        self, connection: Connection, credential_id: int, newest: int, fetched: Fetched, previous_end: End
    ) -> int:
        """Make the fetched value the newest generation; returns its version."""
        found = await connection.fetchrow(_SQL["read_generation"], credential_id, newest)
        digest = self._vault.digest_value(fetched.value)
        columns = (fetched.lifetime, fetched.fetched_at, *fetched.end)
        if found is not None and found[0] == digest:
            await connection.execute(_SQL["prolong_generation"], credential_id, newest, *columns)
            return newest
        if found is not None:
            earlier = min(End(*found[1:]), previous_end, key=lambda each: each.remaining(self._clock))
            await connection.execute(_SQL["curtail_generation"], credential_id, newest, *earlier)
            await connection.execute(_SQL["drop_generations_before"], credential_id, newest)
        version = newest + 1
        sealed = self._vault.seal(fetched.value, "generations.value", credential_id, version)
        await connection.execute(_SQL["add_generation"], credential_id, version, *columns, digest, sealed)
        return version
