from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yzb
from tests.issuer.dialects.conftest import Dialect
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.yzb.realms import NOW, Realm, make_realm


@pytest.fixture
def dialect() -> Dialect:
    return Dialect("yzb", yzb.POLICY, NOW)


@pytest.fixture
async def realm(issuer: Issuer, http: aiohttp.ClientSession) -> AsyncIterator[Realm]:
    async with serving(yzb.routes(issuer), (("", yzb.SHAPE), *yzb.fallback())) as url:
        yield await make_realm(issuer, url, http)
