"""Realms that are switched off: they answer nobody, and operators still see to them."""

import asyncio

from tests.cli.conftest import Cli
from tests.cli.issuing import worker

OFF = {
    "LINGPAI_REALMS__MALL__DIALECT": "mall",
    "LINGPAI_REALMS__OLD__DIALECT": "mall",
    "LINGPAI_REALMS__OLD__PREFIX": "/old",
}
SWITCHED = {**OFF, "LINGPAI_REALMS__OLD__ENABLED": "false"}


async def served(cli: Cli) -> set[str]:
    async with worker(cli) as issuers:
        return set(issuers)


def test_a_realm_that_is_switched_off_is_operated_by_name(cli: Cli) -> None:
    cli("app", "add", "Shop", "--app-id", "1", "--realm", "old", env=OFF)
    cli("app", "add", "Shop", "--app-id", "2", "--realm", "mall", env=OFF)
    for command in (("app", "list", "--realm", "old"), ("app", "show", "1", "--realm", "old")):
        listed = cli(*command, env=SWITCHED).json
        assert [each["app_id"] for each in (listed if isinstance(listed, list) else [listed])] == ["1"]
    assert cli("app", "disable", "1", "--realm", "old", env=SWITCHED).json["disabled"]
    assert cli("grant", "list", "--realm", "old", env=SWITCHED).json == []
    assert cli("user", "add", "ann", "--no-password", "--realm", "old", env=SWITCHED).json["realm"] == "old"
    assert "old" not in asyncio.run(served(cli))


def test_a_realm_that_is_switched_off_is_meant_by_nobody_who_does_not_name_it(cli: Cli) -> None:
    cli("app", "add", "Shop", "--app-id", "1", "--realm", "old", env=OFF)
    assert cli("app", "list", env=SWITCHED).json == []
    assert cli("app", "list", "--realm", "old", env=SWITCHED).json != []
    assert cli("app", "show", "1", env=SWITCHED).code == 1
    assert cli("app", "add", "Shop", "--realm", "mall", env=SWITCHED).json["realm"] == "mall"
    unknown = cli("app", "list", "--realm", "new", env=SWITCHED)
    assert "old" in unknown.stderr
    others = {f"LINGPAI_REALMS__{name}__ENABLED": "false" for name in ("MALL", "YZB", "YILIANYUN", "OIDC")}
    alone = {name: value for name, value in SWITCHED.items() if "__OLD__" in name} | others
    assert cli("app", "list", env=alone).json == []
    nowhere = cli("app", "add", "Shop", env=alone)
    assert nowhere.code == 1
    assert "switched off" in nowhere.stderr


def test_pruning_leaves_a_realm_that_is_switched_off_alone(cli: Cli) -> None:
    cli("app", "add", "Shop", "--app-id", "1", "--realm", "old", env=OFF)
    file = cli.home / "state.json"
    file.write_text('{"apps": []}')
    assert cli("apply", str(file), "--prune", env=SWITCHED).code == 0
    assert cli("app", "show", "1", "--realm", "old", env=SWITCHED).json["app_id"] == "1"


def test_the_only_realm_that_settings_name_is_meant_when_none_is_given(cli: Cli) -> None:
    shop = {"LINGPAI_REALMS__SHOP__DIALECT": "mall", "LINGPAI_REALMS__SHOP__PREFIX": "/shop"}
    assert cli("app", "add", "Shop", env=shop).json["realm"] == "shop"
    assert cli("app", "add", "Shop", "--realm", "mall", env=shop).json["realm"] == "mall"
    several = cli("app", "add", "Shop", env={})
    assert several.code == 1
    assert "yzb, mall, yilianyun, oidc" in several.stderr
