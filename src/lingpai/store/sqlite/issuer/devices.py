"""Verbs on devices that wait for their user (`store.issuer_port`)."""

from typing import Final

import apsw
import msgspec
from typing_extensions import override

from lingpai.core.authorization_records import Device
from lingpai.store.authorization_rows import device_columns, read_device
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("issuer_devices")


class Devices(Repository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def add_device(self, device: Device) -> Device | None:

        def add(connection: apsw.Connection) -> Device | None:
            added = run(connection, _SQL["add_device"], device_columns(device))
            return msgspec.structs.replace(device, id=added[0][0]) if added else None

        return await self._engine.add(add)

    @override
    async def read_device(self, device: int) -> Device | None:
        rows = self._engine.rows(_SQL["read_device"], (device,))
        return read_device(rows[0]) if rows else None

    @override
    async def find_device(self, user_code: bytes) -> Device | None:
        rows = self._engine.rows(_SQL["find_device"], (user_code,))
        return read_device(rows[0]) if rows else None
