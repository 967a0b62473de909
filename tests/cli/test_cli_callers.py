import asyncio
import re
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
        (("shop", "--app", "weibo/1"), "not an account"),
        (("shop", "--app", "wechat"), "not an account"),
        (("shop", "--right", "everything"), "known rights: token, ticket"),
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


def test_what_a_key_may_have_forwarded_is_changed_and_changed_back(cli: Cli) -> None:
    added = cli("caller", "add", "shop", "--app", "wechat/wx1").json
    assert (added["forward"], added["hand_out"]) == ([], "")
    changed = cli(
        *("caller", "set", "shop", "--right", "token", "--right", "forward"),
        *("--forward", "/cgi-bin/message/*", "--forward", "/wxa/*", "--hand-out", "phantom"),
    ).json
    assert changed["changed"] == ["rights", "forward", "hand_out"]
    caller = holder_of(cli, added["key"])
    assert caller is not None
    assert caller.rights == ("token", "forward")
    assert caller.forward == ("/cgi-bin/message/*", "/wxa/*")
    assert caller.hand_out == "phantom"
    assert caller.apps == ("wechat/wx1",)
    shown = cli("caller", "show", "shop").json
    assert (shown["forward"], shown["hand_out"]) == (["/cgi-bin/message/*", "/wxa/*"], "phantom")
    assert cli("caller", "set", "shop", "--hand-out", "phantom").json["outcome"] == "kept"
    back = cli("caller", "set", "shop", "--forward", "", "--hand-out", "").json
    assert (back["changed"], back["forward"], back["hand_out"]) == (["forward", "hand_out"], [], "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--forward", "cgi-bin/*"), "/cgi-bin/message/*"),
        (("--forward", "/cgi-bin/%2e"), "/cgi-bin/message/*"),
        (("--hand-out", "ghost"), "phantom"),
        (("--right", "token", "--forward", "/wxa/*"), "forward"),
    ],
)
def test_what_cannot_be_forwarded_is_refused_and_changes_nothing(
    cli: Cli, arguments: tuple[str, ...], said: str
) -> None:
    key = cli("caller", "add", "shop", "--right", "token", "--right", "forward").json["key"]
    before = holder_of(cli, key)
    refused = cli("caller", "set", "shop", *arguments)
    assert refused.code == 2
    assert said in refused.stderr
    assert holder_of(cli, key) == before


@pytest.mark.parametrize(
    "app", ["wecom/nonsense:first", "wecom/a b", "wecom/", "wecom/a/", "nonsense/a", "wecom/a/b/c"]
)
def test_an_app_that_cannot_be_one_is_refused(cli: Cli, app: str) -> None:
    refused = cli("caller", "add", "shop", "--app", app)
    assert refused.code == 2
    assert "platform/account/label" in refused.stderr


def name_of(cli: Cli, key: str) -> str | None:
    holder = holder_of(cli, key)
    return None if holder is None else holder.name


def test_a_caller_gets_a_new_key_and_keeps_the_one_before_for_a_while(cli: Cli) -> None:
    first = cli("caller", "add", "shop", "--right", "token").json["key"]
    rotated = cli("caller", "rotate", "shop", "--overlap", "1h").json
    assert (rotated["caller"], rotated["overlap"], len(rotated["former_keys_end_at"])) == ("shop", 3600, 1)
    assert re.fullmatch(r"lpk_[\w-]{43}", rotated["key"])
    assert rotated["key"] != first
    for key in (first, rotated["key"]):
        assert name_of(cli, key) == "shop"
    shown = cli("caller", "show", "shop").json
    assert (shown["valid_keys"], shown["former_keys_end_at"]) == (2, rotated["former_keys_end_at"])
    assert cli("caller", "list").json == [shown]
    assert shown["rights"] == ["token"]
    (finding,) = [each for each in cli("doctor", "--offline").json["findings"] if each["check"] == "caller"]
    assert (finding["subject"], finding["verdict"]) == ("shop", "ok")
    assert "Valid keys: 2" in finding["message"]


def test_a_rotation_now_ends_the_keys_before(cli: Cli) -> None:
    keys = [cli("caller", "add", "shop").json["key"]]
    keys.append(cli("caller", "rotate", "shop").json["key"])
    last = cli("caller", "rotate", "shop", "--now").json
    assert (last["overlap"], last["former_keys_end_at"]) == (0, [])
    assert [name_of(cli, each) for each in (*keys, last["key"])] == [None, None, "shop"]
    assert cli("caller", "show", "shop").json["valid_keys"] == 1
    cli("caller", "rotate", "shop")
    assert cli("caller", "revoke", "shop").code == 0
    assert cli("caller", "show", "shop").json["valid_keys"] == 0


def test_a_new_key_is_shown_once(cli: Cli) -> None:
    cli("caller", "add", "shop")
    shown = cli.terminal("caller", "rotate", "shop").stdout
    found = re.search(r"^(lpk_[\w-]{43})\r?$", shown, re.MULTILINE)
    assert found is not None
    assert "stays valid for 1 d, until 20" in shown
    for command in (("list",), ("show", "shop")):
        table = cli.terminal("caller", *command).stdout
        assert found[1] not in table
        assert re.search(r"20\d\d-\d\d-\d\d.+20\d\d-\d\d-\d\d", table.replace("\n", " "))
    cli.env["LC_ALL"] = "zh_CN.UTF-8"
    assert "旧密钥在 1 d" in cli.terminal("caller", "rotate", "shop").stdout


@pytest.mark.parametrize(
    ("overlap", "seconds"), [("90", 90), ("90s", 90), ("30 min", 1800), ("12H", 43_200), ("7d", 604_800)]
)
def test_an_overlap_is_a_duration(cli: Cli, overlap: str, seconds: int) -> None:
    cli("caller", "add", "shop")
    assert cli("caller", "rotate", "shop", "--overlap", overlap).json["overlap"] == seconds


@pytest.mark.parametrize("overlap", ["-1", "", "soon", "1 year", "1.5h", "9999999999"])
def test_an_overlap_that_is_none_is_refused(cli: Cli, overlap: str) -> None:
    cli("caller", "add", "shop")
    refused = cli("caller", "rotate", "shop", f"--overlap={overlap}")
    assert refused.code == 2
    assert "is not a duration" in refused.stderr


def test_only_callers_with_a_good_key_are_rotated(cli: Cli) -> None:
    cli("caller", "add", "shop")
    cli("caller", "revoke", "shop")
    for name in ("shop", "nobody"):
        refused = cli("caller", "rotate", name)
        assert (refused.code, "caller list" in refused.stderr) == (1, True)
    assert cli("caller", "show", "nobody").code == 1


def test_apply_takes_either_key_of_a_rotated_caller(cli: Cli, tmp_path: Path) -> None:
    key = cli("caller", "add", "shop").json["key"]
    newer = cli("caller", "rotate", "shop").json["key"]
    file = tmp_path / "callers.toml"
    for given in (key, newer, ""):
        file.write_text(f'[[callers]]\nname = "shop"\nkey = "{given}"\n')
        assert [each["action"] for each in cli("apply", str(file)).json["changes"]] == ["keep"]
    assert cli("caller", "show", "shop").json["valid_keys"] == 2
    file.write_text(f'[[callers]]\nname = "other"\nkey = "{key}"\n')
    assert "belongs to another caller" in cli("apply", str(file)).stderr
    cli("caller", "rotate", "shop", "--now")
    file.write_text(f'[[callers]]\nname = "shop"\nkey = "{newer}"\n')
    assert "`lingpai caller rotate shop` makes a new one" in cli("apply", str(file)).stderr
