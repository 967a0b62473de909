"""Verbs that read and mark credentials (`store.port`); leases and what they bring are in `leases`."""

import heapq
import itertools
from collections.abc import Callable, Coroutine, Iterator
from operator import itemgetter
from typing import Any, Final

import apsw
from typing_extensions import override

from lingpai.core.records import Credential, CredentialKey, CredentialStatus
from lingpai.store.events import note_dead, note_well
from lingpai.store.port import Store
from lingpai.store.rows import as_of_now, moment, read_credential, read_status
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.events import event_statements
from lingpai.store.sqlite.queries import Bindings, load_queries, run
from lingpai.store.sqlite.recording import WriterStatements
from lingpai.store.sqlite.repository import Repository
from lingpai.store.transaction import finish

_SQL: Final = load_queries("credentials")


class Credentials(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def read_credential(self, key: CredentialKey) -> Credential | None:
        found = self._engine.cached(("credential", key), lambda: self._read("read_credential", key), _id_of)
        return as_of_now(found, self._clock)

    @override
    async def find_credential(self, value: str) -> Credential | None:
        digest = self._vault.digest_value(value)
        found = self._engine.cached(("value", digest), lambda: self._find(digest), _id_of)
        return as_of_now(found, self._clock)

    @override
    async def mark_suspect(self, key: CredentialKey, version: int) -> bool:
        return await self._mark("mark_suspect", {**key._asdict(), "version": version})

    @override
    async def end_generation(self, key: CredentialKey, version: int) -> bool:
        ended = {"version": version, "steady": self._clock.steady(), "epoch": self._clock.epoch}
        return await self._noted("end_generation", note_dead, key._asdict() | ended)

    @override
    async def forget_trouble(self, key: CredentialKey) -> bool:
        return await self._noted("forget_trouble", note_well, key._asdict())

    @override
    async def forget_troubles(self, platform: str, account: str) -> tuple[str, ...]:
        columns = {"platform": platform, "account": account}
        rows = await self._engine.write(lambda connection: run(connection, _SQL["forget_troubles"], columns))
        return tuple(sorted({kind for (kind,) in rows}))

    @override
    async def due_credentials(self, limit: int) -> tuple[CredentialKey, ...]:
        now = moment(self._clock) | {"limit": limit}
        due = [self._engine.rows(_SQL["due_here"], now)]
        due += [
            self._engine.rows(_SQL["due_elsewhere"], now | {"elsewhere": epoch})
            for epoch in self._epochs()
            if epoch != self._clock.epoch
        ]
        longest_first = heapq.merge(*due, key=itemgetter(0), reverse=True)
        return tuple(CredentialKey(*key) for _, *key in itertools.islice(longest_first, limit))

    @override
    async def list_statuses(self) -> tuple[CredentialStatus, ...]:

        def read(connection: apsw.Connection) -> tuple[CredentialStatus, ...]:
            return tuple(map(read_status, run(connection, _SQL["list_statuses"])))

        return await self._engine.scan(read)

    async def _mark(self, query: str, bindings: dict[str, str | bytes | float]) -> bool:
        return await self._engine.write(lambda connection: bool(run(connection, _SQL[query], bindings)))

    def _read(self, query: str, bindings: Bindings) -> Credential | None:
        return read_credential(self._engine.rows(_SQL[query], bindings), self._vault)

    def _epochs(self) -> Iterator[str]:
        """Every epoch in which some credential's renewal is set down."""
        epoch = ""
        while (epoch := self._engine.rows(_SQL["next_epoch"], (epoch,))[0][0]) is not None:
            yield epoch

    def _find(self, digest: bytes) -> Credential | None:
        rows = self._engine.rows(_SQL["find_holder_of_value"], (digest,))
        return self._read("read_credential_by_id", rows[0]) if rows else None

    async def _noted(
        self,
        query: str,
        note: Callable[[WriterStatements, float, int], Coroutine[Any, Any, None]],
        bindings: Bindings,
    ) -> bool:
        """Run a statement that returns the credentials that it changed, and add an event of each."""

        def change(connection: Connection) -> bool:
            rows = run(connection, _SQL[query], bindings)
            for (credential,) in rows:
                finish(note(event_statements(connection), self._clock.now(), credential))
            return bool(rows)

        return await self._engine.write(change)


def _id_of(credential: Credential | None) -> int | None:
    return None if credential is None else credential.id
