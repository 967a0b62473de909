import asyncio
from pathlib import Path

import msgspec
import pytest

from lingpai.core.records import RIGHTS, Caller
from lingpai.service import open_keeper
from lingpai.settings import Settings
from tests.cli.conftest import Cli


def holder_of(cli: Cli, key: str) -> Caller | None:
    async def find() -> Caller | None:
        async with open_keeper(Settings(data=cli.data)) as keeper:
            return await keeper.store.find_caller(keeper.digest_caller_key(key))

    return asyncio.run(find())


def test_the_key_is_shown_once_and_belongs_to_the_caller(cli: Cli) -> None:
    added = cli(
        *(
            "caller",
            "add",
            "shop",
            "--environment",
            "production",
            "--app",
            "wechat/wx1",
            "--app",
            "wecom/ww1/crm",
        ),
        *("--right", "token", "--right", "sign", "--network", "10.0.0.0/8"),
    ).json
    key = added["key"]
    assert key.startswith("lpk_")
    assert len(key) == len("lpk_") + 43
    caller = holder_of(cli, key)
    assert caller is not None
    assert caller.name == "shop"
    assert caller.apps == ("wechat/wx1", "wecom/ww1/crm")
    assert caller.rights == ("token", "sign")
    assert caller.networks == ("10.0.0.0/8",)
    listed = cli("caller", "list")
    assert key not in listed.stdout
    assert listed.json[0]["environment"] == "production"
    assert listed.json[0]["revoked_at"] is None


def test_without_limits_a_caller_may_do_everything_from_anywhere(cli: Cli) -> None:
    added = cli("caller", "add", "all").json
    assert added["apps"] == ["*"]
    assert added["rights"] == list(RIGHTS)
    assert added["networks"] == []


def test_two_callers_have_two_keys(cli: Cli) -> None:
    assert cli("caller", "add", "a").json["key"] != cli("caller", "add", "b").json["key"]


def test_a_revoked_name_stays_taken(cli: Cli) -> None:
    key = cli("caller", "add", "shop").json["key"]
    assert cli("caller", "revoke", "shop").json == {"caller": "shop", "outcome": "revoked"}
    caller = holder_of(cli, key)
    assert caller is not None
    assert caller.revoked_at is not None
    for arguments in (("add", "shop"), ("revoke", "shop"), ("revoke", "nobody")):
        refused = cli("caller", *arguments)
        assert refused.code == 1
        assert "caller" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shop", "--app", "weibo/1"), "not an app"),
        (("shop", "--app", "wechat"), "not an app"),
        (("shop", "--right", "everything"), "known are: token, ticket"),
        (("shop", "--network", "10.0.0.0/64"), "not a network"),
        (("a shop",), "not a name"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    refused = cli("caller", "add", *arguments)
    assert refused.code == 2
    assert said in refused.stderr
    assert cli("caller", "list").json == []


async def test_a_changed_caller_keeps_its_key_and_a_revoked_one_is_not_changed(tmp_path: Path) -> None:
    async with open_keeper(Settings(data=tmp_path)) as keeper:
        store, digest = keeper.store, keeper.digest_caller_key("lpk_x")
        caller = Caller(name="shop", environment="dev", created_at=1.0)
        assert not await store.change_caller(caller)
        await store.add_caller(caller, digest)
        changed = Caller(
            name="shop", environment="production", apps=("wechat/wx1",), rights=("token",), created_at=9.0
        )
        assert await store.change_caller(changed)
        found = await store.find_caller(digest)
        assert found == msgspec.structs.replace(changed, created_at=1.0)
        await store.revoke_caller("shop")
        assert not await store.change_caller(caller)
        assert (await store.list_callers())[0].environment == "production"


@pytest.mark.parametrize(
    "app", ["wecom/nonsense:first", "wecom/a b", "wecom/", "wecom/a/", "nonsense/a", "wecom/a/b/c"]
)
def test_an_app_that_cannot_be_one_is_refused(cli: Cli, app: str) -> None:
    refused = cli("caller", "add", "shop", "--app", app)
    assert refused.code == 2
    assert "platform/account/label" in refused.stderr
