import re

import pytest

from tests.cli.conftest import Cli
from tests.helpers.postgres import Place, database_at


@pytest.fixture
async def dsn(postgres_place: Place, cli: Cli) -> str:
    return await database_at(cli.home)


@pytest.fixture
def filled(cli: Cli) -> Cli:
    cli.add_sample()
    return cli


def test_a_store_is_copied_and_the_commands_go_on_there(filled: Cli, dsn: str) -> None:
    answer = filled("store", "copy", str(filled.data / "lingpai.db"), dsn)
    assert {each["table"]: each["rows"] for each in answer.json["tables"]}["accounts"] == 1
    assert all(re.fullmatch("[0-9a-f]{32}", each["digest"]) for each in answer.json["tables"])
    there = {"LINGPAI_STORE": dsn}
    assert filled("account", "list", env=there).json == filled("account", "list").json
    assert filled("doctor", "--offline", env=there).json["healthy"]
    assert filled("key", "rotate", "--yes", env=there).json["resealed"] == 1
    assert filled("migrate", "--dry-run", env=there).json["pending"] == []


def test_progress_and_result_on_a_terminal(filled: Cli, dsn: str) -> None:
    shown = filled.terminal("store", "copy", str(filled.data / "lingpai.db"), dsn)
    assert shown.code == 0
    assert "Copied and compared" in shown.stdout
    assert "Both sides are equal." in shown.stdout
    again = filled("store", "copy", str(filled.data / "lingpai.db"), dsn)
    assert (again.code, "already finished" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("nowhere.db", "postgresql://db.example/prod", "There is no store at"),
        ("data/lingpai.db", "elsewhere.db", "must be a postgresql://"),
        ("data/lingpai.db", "postgresql://u:hunter2hunter2@127.0.0.1:1/prod", "not available at the moment"),
    ],
)
def test_what_cannot_be_copied_is_one_line(filled: Cli, source: str, target: str, words: str) -> None:
    refused = filled("store", "copy", str(filled.home / source), target)
    assert refused.code == 1
    assert words in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "hunter2" not in refused.stderr
