"""Verbs on leases, and those that only a lease allows (`store.port`).

Each is guarded by the lease's fence in its statement: a holder that was overtaken changes nothing.
"""

from typing import Any, Final

import apsw
from typing_extensions import override

from lingpai.core.clock import End, end_after
from lingpai.core.records import Credential, CredentialKey, Lease, Trouble
from lingpai.store.port import Fetched, LeaseAttempt
from lingpai.store.queries import Row
from lingpai.store.rows import as_of_now, end_columns, moment, read_credential, write_trouble
from lingpai.store.sqlite.credentials import Credentials
from lingpai.store.sqlite.queries import Bindings, load_queries, run

_SQL: Final = {**load_queries("credentials"), **load_queries("leases")}


class Leases(Credentials):
    """See `store.port.Store`."""

    @override
    async def acquire_lease(self, key: CredentialKey, holder: str, seen: int, ttl: float) -> LeaseAttempt:

        def acquire(connection: apsw.Connection) -> LeaseAttempt:
            now = moment(self._clock)
            credential = self._load(connection, "read_credential", key)
            if credential is None:
                run(connection, _SQL["add_credential"], key._asdict() | now)
                credential = Credential(id=connection.last_insert_rowid(), key=key)
            asked = {"id": credential.id, "holder": holder, "seen": seen}
            asked |= now | end_columns("end", end_after(self._clock, ttl))
            before = run(connection, _SQL["read_lease_holder"], (credential.id,))[0][0]
            granted = run(connection, _SQL["acquire_lease"], asked)
            if not granted:
                return LeaseAttempt(None, credential)
            took_over = before not in (None, holder)
            return LeaseAttempt(Lease(credential.id, holder, granted[0][0], took_over), credential)

        return await self._engine.write(acquire)

    @override
    async def save_generation(
        self, lease: Lease, fetched: Fetched, previous_end: End, renew: End | None
    ) -> Credential | None:

        def save(connection: apsw.Connection) -> Credential | None:
            guard = {"id": lease.credential_id, "fence": lease.fence}
            newest = run(connection, _SQL["newest_generation"], guard)
            if not newest:
                return None
            version = self._keep(connection, lease.credential_id, newest[0], fetched, previous_end)
            progress = guard | {"version": version, "end_wall": fetched.end.wall}
            run(connection, _SQL["save_progress"], progress | end_columns("renew", renew))
            return self._load(connection, "read_credential_by_id", (lease.credential_id,))

        return await self._engine.write(save)

    @override
    async def save_trouble(self, lease: Lease, trouble: Trouble, renew: End | None) -> bool:
        columns = {"trouble": write_trouble(trouble), "retry_wall": trouble.retry.wall}
        return await self._give_back(lease, "save_trouble", columns | end_columns("renew", renew))

    @override
    async def release_lease(self, lease: Lease) -> bool:
        return await self._give_back(lease, "release_lease", {})

    async def _give_back(self, lease: Lease, query: str, columns: dict[str, Any]) -> bool:
        bindings = columns | {"id": lease.credential_id, "fence": lease.fence}
        return await self._engine.write(lambda connection: bool(run(connection, _SQL[query], bindings)))

    def _load(self, connection: apsw.Connection, query: str, bindings: Bindings) -> Credential | None:
        return as_of_now(read_credential(run(connection, _SQL[query], bindings), self._vault), self._clock)

    def _keep(
        self,
        connection: apsw.Connection,
        credential_id: int,
        newest: Row,
        fetched: Fetched,
        previous_end: End,
    ) -> int:
        """Make the fetched value the newest generation; returns its version."""
        version: int = newest[0]
        digest, *end = newest[1:]
        value_digest = self._vault.digest_value(fetched.value)
        columns = {"id": credential_id, "version": version, "value_digest": value_digest}
        columns |= {"lifetime": fetched.lifetime, "fetched_at": fetched.fetched_at}
        columns |= end_columns("end", fetched.end)
        if digest == value_digest:
            run(connection, _SQL["prolong_generation"], columns)
            return version
        if digest is not None:
            earlier = min(End(*end), previous_end, key=lambda each: each.remaining(self._clock))
            run(connection, _SQL["curtail_generation"], columns | end_columns("end", earlier))
            run(connection, _SQL["drop_generations_before"], columns)
        version += 1
        sealed = self._vault.seal(fetched.value, "generations.value", credential_id, version)
        run(connection, _SQL["add_generation"], columns | {"version": version, "value": sealed})
        return version
