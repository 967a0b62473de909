from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yilianyun
from tests.issuer.dialects.conftest import Dialect
from tests.issuer.dialects.yilianyun.realms import NOW, Realm, serving_realm


@pytest.fixture
def dialect() -> Dialect:
    return Dialect("yilianyun", yilianyun.POLICY, NOW)


@pytest.fixture
async def realm(issuer: Issuer, http: aiohttp.ClientSession) -> AsyncIterator[Realm]:
    async with serving_realm(issuer, http) as served:
        yield served
