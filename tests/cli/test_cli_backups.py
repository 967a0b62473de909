import stat

import pytest

from tests.cli.conftest import Cli
from tests.helpers.postgres import database_at


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_place")
    return str(request.param)


@pytest.fixture
async def dsn(engine: str, cli: Cli) -> str:
    return await database_at(cli.home) if engine == "postgresql" else ""


@pytest.fixture
def filled(cli: Cli, dsn: str) -> Cli:
    if dsn:
        cli.env["LINGPAI_STORE"] = dsn
    cli.add_sample()
    for name in ("backups", "elsewhere"):
        (cli.home / name).mkdir()
    return cli


def test_a_lost_installation_comes_back(filled: Cli) -> None:
    store, ring = filled.home / "backups" / "s.db", filled.home / "elsewhere" / "r.json"
    made = filled("backup", str(store), "--key-ring", str(ring)).json
    assert (made["rows"]["accounts"], made["keys"], made["key_ring"]) == (1, [1], str(ring))
    assert {stat.S_IMODE(path.stat().st_mode) for path in (store, ring)} == {0o600}
    accounts = filled("account", "list").json
    filled("caller", "add", "later")
    asked = filled("restore", str(store))
    assert (asked.code, "--yes" in asked.stderr) == (2, True)
    assert len(filled("caller", "list").json) == 1, "nothing was changed"
    (filled.data / "keyring.json").unlink()
    lost = filled("restore", str(store), "--yes")
    assert (lost.code, "--key-ring" in lost.stderr) == (1, True)
    done = filled("restore", str(store), "--key-ring", str(ring), "--yes").json
    assert done["ended"]["sessions"] == 0
    assert bool(done["kept"]) is ("LINGPAI_STORE" not in filled.env)
    assert filled("account", "list").json == accounts
    assert filled("caller", "list").json == []
    assert filled("doctor", "--offline").json["healthy"]
    assert filled("restore", "--in-place", "--yes").json["ids_ahead"] > 2**32


def test_store_and_ring_are_kept_apart_and_nothing_is_overwritten(cli: Cli) -> None:
    cli.add_sample()
    together = cli("backup", str(cli.home / "s.db"), "--key-ring", str(cli.home / "r.json"))
    assert (together.code, "another folder" in together.stderr) == (2, True)
    assert not (cli.home / "s.db").exists()
    assert cli("backup").code == 2
    for arguments in (("s.db",), ("--key-ring", "r.json")):
        paths = [each if each.startswith("--") else str(cli.home / each) for each in arguments]
        assert cli("backup", *paths).code == 0
        again = cli("backup", *paths)
        assert (again.code, "not overwritten" in again.stderr) == (1, True)
    chinese = cli("backup", str(cli.home / "s.db"), env={"LC_ALL": "zh_CN.UTF-8"})
    assert "已存在" in chinese.stderr


def test_another_key_ring_is_not_replaced(cli: Cli) -> None:
    cli.add_sample()
    store, ring = cli.home / "s.db", cli.home / "elsewhere"
    ring.mkdir()
    cli("backup", str(store), "--key-ring", str(ring / "r.json"))
    fresh = {"LINGPAI_DATA": str(cli.home / "fresh")}
    cli("caller", "add", "somebody", env=fresh)
    theirs = (cli.home / "fresh" / "keyring.json").read_bytes()
    refused = cli("restore", str(store), "--key-ring", str(ring / "r.json"), "--yes", env=fresh)
    assert (refused.code, "another key ring" in refused.stderr) == (1, True)
    refused = cli("restore", str(store), "--yes", env=fresh)
    assert refused.code == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert (cli.home / "fresh" / "keyring.json").read_bytes() == theirs
    assert len(cli("caller", "list", env=fresh).json) == 1


def test_both_are_tables_on_a_terminal(cli: Cli) -> None:
    cli.add_sample()
    assert "verified" in cli.terminal("backup", "s.db").stdout
    shown = cli.terminal("restore", "s.db", typed="y\n")
    assert shown.code == 0
    assert "users log in again" in shown.stdout
    assert "before-restore" in shown.stdout
    assert cli("restore", "nowhere.db").code == 1
    assert cli("restore").code == 2
