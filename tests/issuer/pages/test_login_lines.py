"""The log line of a login that failed."""

import copy
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lingpai.edge import logs
from lingpai.service import open_service
from lingpai.settings import load_settings
from tests.issuer.pages.harness import PASSWORD, Browser, Harness, authorize_path


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The fields that logs show as they are, as the service declares them; put back afterwards."""
    fields = copy.copy(logs._PLAIN)
    monkeypatch.setattr(logs, "_PLAIN", fields)
    return fields


@pytest.mark.threat("G71")
async def test_a_failed_login_says_who_from_where_and_for_which_app(
    harness: Harness, browser: Browser
) -> None:
    with capture_logs() as lines:
        page = await browser.follow(authorize_path())
        await browser.submit(page, login="hong", password="wrong")
        await browser.submit(
            await browser.get("/user/mall/login"), login="eve\x1b[2J\u202e", password="wrong"
        )
        for _ in range(harness.mall.policy.login.pair):
            await browser.submit(page, login="hong", password="wrong")
        await browser.submit(page, login="ming", password=PASSWORD)
    failed = [line for line in lines if line["event"] == "login_failed"]
    answer = [(each["realm"], each["address"], each["login"], each["app"], each["error"]) for each in failed]
    assert answer[0] == ("mall", "127.0.0.1", "hong", "shop", "login_failed")
    assert answer[1] == ("mall", "127.0.0.1", r"eve\x1b[2J\u202e", "", "login_failed")
    assert answer[-1] == ("mall", "127.0.0.1", "hong", "shop", "too_many_requests")
    assert len(failed) == harness.mall.policy.login.pair + 2
    assert all(each["trace_id"] for each in failed)


@pytest.mark.threat("G71")
async def test_the_name_is_a_fingerprint_unless_the_operator_says_otherwise(
    tmp_path: Path, plain: set[str]
) -> None:
    line = {"event": "login_failed", "realm": "mall", "address": "192.0.2.1", "login": "hong", "app": "shop"}
    for setting, login in (("fingerprint", logs.fingerprint("hong")), ("plain", "hong")):
        settings = load_settings(
            data=tmp_path / setting, log_login_names=setting, public_url="https://a.example"
        )
        async with open_service(settings):
            pass
        assert logs.redact(None, "info", dict(line)) == line | {"login": login}
    assert "login" in plain
