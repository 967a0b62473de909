"""Self-owned apps of the platform yilianyun, tested against our own issuer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.keeper.platforms.yilianyun import OAUTH, signature_of
from lingpai.keeper.refresh_tokens import read_refresh_token
from lingpai.keeper.status import accounts_health
from tests.keeper.issued import OWN, Issued, issued

DAY = 86_400
MONTH = 30 * DAY


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Issued]:
    async with issued(tmp_path) as made:
        yield made


def test_the_published_signature() -> None:
    assert signature_of("client-001", 1717555200, "secret-001") == "05984f4692f61921ef5d83e7d8cc65a9"


async def test_a_self_owned_apps_token_is_held_for_all(harness: Issued) -> None:
    await harness.add(OWN)
    answers = await asyncio.gather(*(harness.held(OWN) for _ in range(20)))
    assert len({each["value"] for each in answers}) == 1
    assert answers[0]["expires_in"] == MONTH
    assert await harness.used(OAUTH.name) == 1
    assert (await accounts_health(harness.keeper, lambda _: True)).healthy


async def test_it_is_renewed_by_its_refresh_token(harness: Issued) -> None:
    app = await harness.add(OWN)
    first = await harness.held(OWN)
    refresh_token = await read_refresh_token(harness.keeper, app, "access_token")
    assert refresh_token is not None
    assert refresh_token.current is not None
    assert refresh_token.current.end.remaining(harness.clock) == 35 * DAY
    await harness.pass_time(27 * DAY - 60, DAY)
    assert (await harness.held(OWN))["version"] == 1
    await harness.pass_time(DAY, 3600)
    second = await harness.held(OWN)
    assert second["version"] == 2
    assert second["value"] != first["value"]
    following = await read_refresh_token(harness.keeper, app, "access_token")
    assert following is not None
    assert following.version == 2
    assert following.current is not None
    assert following.current.value != refresh_token.current.value


async def test_a_refresh_token_that_is_over_is_no_reason_to_fail(harness: Issued) -> None:
    app = await harness.add(OWN)
    await harness.held(OWN)
    harness.clock.advance(36 * DAY)  # the whole service was down
    assert await read_refresh_token(harness.keeper, app, "access_token") is None
    assert (await harness.held(OWN))["version"] == 2


async def test_a_refresh_token_that_is_refused_is_no_reason_either(harness: Issued) -> None:
    """Somebody else obtained a token beside the keeper: ours, and its refresh token, are superseded."""
    app = await harness.add(OWN)
    await harness.held(OWN)
    harness.clock.advance(3600)
    form = harness.keeper.platforms["yilianyun"]
    assert form.stamp is not None
    sent = {**form.stamp(OWN, app.secret, int(harness.clock.now())), "grant_type": "client_credentials"}
    async with harness.http.post(f"{harness.url}/oauth/oauth", data=sent) as answer:
        assert (await answer.json())["error"] == "0"
    await harness.keeper.store.mark_suspect(app.key("access_token"), 1)
    assert (await harness.held(OWN))["version"] == 2
    assert (await harness.credential(app)).trouble is None
    assert await harness.used(OAUTH.name) == 3  # two that brought something, and the refused one
