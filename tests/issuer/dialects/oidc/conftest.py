from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import oidc
from tests.issuer.dialects.conftest import Dialect
from tests.issuer.dialects.oidc.realms import NOW, Realm, serving_realm


@pytest.fixture
def dialect() -> Dialect:
    return Dialect("oidc", oidc.POLICY, NOW)


@pytest.fixture
async def realm(issuer: Issuer, http: aiohttp.ClientSession) -> AsyncIterator[Realm]:
    async with serving_realm(issuer, http) as served:
        yield served
