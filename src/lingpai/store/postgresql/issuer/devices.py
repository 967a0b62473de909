"""Verbs on devices that wait for their user (`store.issuer_port`)."""

from typing import Final

import msgspec
from typing_extensions import override

from lingpai.core.authorization_records import Device
from lingpai.store.authorization_rows import device_columns, read_device
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_devices")


class Devices(IssuerRepository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def add_device(self, device: Device) -> Device | None:
        added = await self._change(_SQL["add_device"], *device_columns(device))
        return msgspec.structs.replace(device, id=added[0][0]) if added else None

    @override
    async def read_device(self, device: int) -> Device | None:
        rows = await self._engine.read(_SQL["read_device"], device)
        return read_device(rows[0]) if rows else None

    @override
    async def find_device(self, user_code: bytes) -> Device | None:
        rows = await self._engine.rows(_SQL["find_device"], user_code)
        return read_device(rows[0]) if rows else None
