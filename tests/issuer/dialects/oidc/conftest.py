from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import oidc
from tests.issuer.dialects.conftest import Dialect
from tests.issuer.dialects.oidc.publishing import Published
from tests.issuer.dialects.oidc.realms import NOW, Realm, serving_realm


@pytest.fixture
def dialect() -> Dialect:
    return Dialect("oidc", oidc.POLICY, NOW)


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
async def realm(issuer: Issuer, http: aiohttp.ClientSession, published: Published) -> AsyncIterator[Realm]:
    async with serving_realm(issuer, http, published) as served:
        yield served
