"""Verbs on leases, and those that only a lease allows (`store.port`).

Each is guarded by the lease's fence in its statement: a holder that was overtaken changes nothing.
"""

from typing import Final

from typing_extensions import override

from lingpai.core.clock import End, end_after
from lingpai.core.records import Credential, CredentialKey, Lease, Trouble
from lingpai.store.events import note_renewed, note_trouble, note_well
from lingpai.store.port import Fetched, LeaseAttempt
from lingpai.store.queries import Row
from lingpai.store.rows import as_of_now, end_columns, is_older, moment, read_credential, write_trouble
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.credentials import Credentials
from lingpai.store.sqlite.events import event_statements
from lingpai.store.sqlite.queries import Bindings, load_queries, run
from lingpai.store.transaction import finish

_SQL: Final = {**load_queries("credentials"), **load_queries("leases")}


class Leases(Credentials):
    """See `store.port.Store`."""

    @override
    async def acquire_lease(self, key: CredentialKey, holder: str, seen: int, ttl: float) -> LeaseAttempt:

        def acquire(connection: Connection) -> LeaseAttempt:
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

        def save(connection: Connection) -> Credential | None:
            return self._save_newest(
                connection, (lease.credential_id, lease.fence), fetched, previous_end, renew
            )

        return await self._engine.write(save)

    @override
    async def put_generation(
        self,
        key: CredentialKey,
        fetched: Fetched,
        previous_end: End,
        renew: End | None,
        seen: int | None = None,
    ) -> Credential | None:

        def put(connection: Connection) -> Credential | None:
            run(connection, _SQL["begin_credential"], key._asdict() | moment(self._clock))
            credential = self._load(connection, "read_credential", key)
            if credential is None or is_older(fetched, credential, seen):
                return None
            overtaken = run(connection, _SQL["overtake"], (credential.id,))
            return self._save_newest(connection, overtaken[0], fetched, previous_end, renew)

        return await self._engine.write(put)

    def _save_newest(
        self, connection: Connection, guard: Row, fetched: Fetched, previous_end: End, renew: End | None
    ) -> Credential | None:
        """Make a value the current generation of the credential with this id, if this is its fence still."""
        credential_id, fence = guard
        guarded = {"id": credential_id, "fence": fence}
        found = run(connection, _SQL["newest_generation"], guarded)
        if not found:
            return None
        trouble, *newest = found[0]
        version = self._keep(connection, credential_id, tuple(newest), fetched, previous_end)
        progress = guarded | {"version": version, "end_wall": fetched.end.wall}
        run(connection, _SQL["save_progress"], progress | end_columns("renew", renew))
        statements, now = event_statements(connection), self._clock.now()
        if version != newest[0]:
            finish(note_renewed(statements, now, credential_id, fetched))
        if trouble is not None:
            finish(note_well(statements, now, credential_id))
        return self._load(connection, "read_credential_by_id", (credential_id,))

    @override
    async def save_trouble(self, lease: Lease, trouble: Trouble, renew: End | None) -> bool:
        columns = {"trouble": write_trouble(trouble), "retry_wall": trouble.retry.wall}
        columns |= {"id": lease.credential_id, "fence": lease.fence} | end_columns("renew", renew)

        def save(connection: Connection) -> bool:
            before = run(connection, _SQL["read_trouble"], (lease.credential_id,))
            saved = bool(run(connection, _SQL["save_trouble"], columns))
            if saved and before[0][0] is None:
                now = self._clock.now()
                finish(note_trouble(event_statements(connection), now, lease.credential_id, trouble))
            return saved

        return await self._engine.write(save)

    @override
    async def release_lease(self, lease: Lease) -> bool:
        bindings = {"id": lease.credential_id, "fence": lease.fence}
        return await self._engine.write(
            lambda connection: bool(run(connection, _SQL["release_lease"], bindings))
        )

    def _load(self, connection: Connection, query: str, bindings: Bindings) -> Credential | None:
        return as_of_now(read_credential(run(connection, _SQL[query], bindings), self._vault), self._clock)

    def _keep(
        self,
        connection: Connection,
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
