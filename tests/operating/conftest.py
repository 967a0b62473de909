"""A service with the admin API in this process, on either engine, and a client of it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lingpai.admin_app import admin_app
from lingpai.core.audit import Actor
from lingpai.core.clock import VirtualClock
from lingpai.issuer.context import Issuer
from lingpai.keeper.keeper import Keeper
from lingpai.operating.keys import add_key
from lingpai.service import issuers_of, open_keeper
from lingpai.settings import Settings
from tests.helpers.direct import Direct, Result
from tests.helpers.postgres import database_at

OPERATOR = Actor("cli", "ann@host")
SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Admin:
    """Asks the admin API with one key."""

    keeper: Keeper
    direct: Direct
    clock: VirtualClock
    issuers: Mapping[str, Issuer]
    key: str = ""

    async def ask(
        self, method: str, path: str, document: Any = None, *, peer: str = "127.0.0.1", **headers: str
    ) -> Result:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            named.setdefault("authorization", f"Bearer {self.key}")
        return await self.direct.ask(method, "/admin/v1" + path, peer=peer, headers=named, json=document)

    async def get(self, path: str, **headers: str) -> Any:
        answer = await self.ask("GET", path, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    async def create(self, path: str, document: Any) -> Any:
        answer = await self.ask("PUT", path, document, if_none_match="*")
        assert answer.status_code == 201, answer.text
        return answer.json

    async def as_role(self, role: str, **options: Any) -> "Admin":
        """The same with another key."""
        count = len(await self.keeper.store.list_admin_keys())
        _, text = await add_key(self.keeper.by(OPERATOR), f"key-{count}", role, **options)
        return Admin(self.keeper, self.direct, self.clock, self.issuers, text)

    async def trail(self) -> list[tuple[str, str]]:
        """Action and target of every row of the audit trail but those of keys, oldest first."""
        rows = await self.keeper.store.read_audit(0, 1000)
        return [(row.action, row.target) for row in rows if not row.action.startswith("admin.")]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "postgresql":
        request.getfixturevalue("postgres_place")
    return name


@pytest.fixture
async def admin(engine_name: str, tmp_path: Path) -> AsyncIterator[Admin]:
    store = SecretStr(await database_at(tmp_path) if engine_name == "postgresql" else "")
    settings = Settings(data=tmp_path / "data", store=store)
    clock = VirtualClock()
    async with open_keeper(settings, clock) as keeper:
        issuers = await issuers_of(settings, keeper, disabled=True)
        app = admin_app(settings, keeper, issuers)
        nobody = Admin(keeper, Direct(app), clock, issuers)
        yield await nobody.as_role("owner")
