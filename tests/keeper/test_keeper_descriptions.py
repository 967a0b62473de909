"""Files that describe platforms: what is wrong in one is named with its line, and with what was probably meant."""

import dataclasses
import pickle
from pathlib import Path

import pytest

from lingpai.core.plugins import PluginError
from lingpai.keeper.platforms.declared import loading
from lingpai.keeper.platforms.declared.locating import line_of
from lingpai.keeper.platforms.declared.templates import RECIPES, stamped
from lingpai.keeper.platforms.registry import PLATFORMS, platform_types
from lingpai.settings import load_settings
from tests.keeper.declared import FOLDER
from tests.keeper.mistakes import BASE, MISTAKES


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES)
def test_a_mistake_is_named_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(PluginError) as refused:
        loading.platform_type_of(text, "platforms/acme.toml")
    message = str(refused.value)
    assert message.startswith("platforms/acme.toml:")
    assert said in message
    if line:
        assert message.startswith(f"platforms/acme.toml:{line}: ")


def test_settings_of_a_described_platform_reach_workers() -> None:
    settings = load_settings(feishu={"base_url": "http://127.0.0.1:1", "timeout": 7})
    again = pickle.loads(pickle.dumps(settings))
    assert again == settings
    assert again.feishu.timeout == 7
    assert again.feishu.model_fields_set == {"base_url", "timeout"}
    assert again.dingtalk.api_url is None


def test_a_program_that_registers_a_platform_leaves_described_ones_as_they_are() -> None:
    before = platform_types()["feishu"]
    PLATFORMS.register(dataclasses.replace(before, name="another", drop_ins=(), shape=None))
    try:
        assert platform_types()["feishu"] is before
    finally:
        PLATFORMS.unregister("another")
    assert platform_types()["feishu"] is before


def test_lines_are_found_in_tables_arrays_and_dotted_names() -> None:
    text = 'a.b = 1\n\n[c]\nd = 2 # x = 1\n[[e]]\nf = 1\n[[e]]\nf = 2\n[g."h.i"]\n"j k" = 3\n'
    found = {
        path: line_of(text, path.split("/")) for path in ("a/b", "c/d", "e/0/f", "e/1/f", "c/none", "zz")
    }
    assert found == {"a/b": 1, "c/d": 4, "e/0/f": 6, "e/1/f": 8, "c/none": 3, "zz": 1}
    assert line_of(text, ["g", "h.i", "j k"]) == 10


def test_files_beside_the_settings_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LINGPAI_DATA", str(tmp_path / "data"))
    for folder in (tmp_path / "platforms", tmp_path / "data" / "platforms", tmp_path / "other" / "platforms"):
        folder.mkdir(parents=True)
        (folder / f"{folder.parent.name.replace('-', '_').replace('.', '')[:20]}x.toml").write_text(BASE)
    (tmp_path / "data" / "platforms" / "again.toml").symlink_to(next((tmp_path / "platforms").glob("*")))
    names = [each.name for each in loading.operators()]
    assert len(names) == 2
    assert names[1] == "datax"
    monkeypatch.setattr("sys.argv", ["lingpai", "account", "--data", str(tmp_path / "other"), "--json"])
    assert [each.name for each in loading.operators()][1] == "otherx"
    monkeypatch.setattr("sys.argv", ["lingpai", f"--data={tmp_path / 'data'}"])
    assert [each.name for each in loading.operators()][1] == "datax"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"none\.toml:1: cannot be read"):
        loading.load(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PluginError, match=r"odd\.toml:1: cannot be read"):
        loading.load(tmp_path / "odd.toml")


def test_calls_are_stamped_by_recipe() -> None:
    fields: dict[str, str | int | bool] = {
        "id": "{account}",
        "at": "{now}",
        "ms": "{now_ms}",
        "n": 1,
        "sign": "{sign.md5_account_now_secret}",
    }
    made = stamped(fields, "app", "secret", 1_700_000_000)
    assert made["sign"] == "d1377d2d63f40b670cfc8e9448ef9bbd"
    assert (made["id"], made["at"], made["ms"], made["n"]) == ("app", "1700000000", "1700000000000", 1)
    assert len({recipe("app", "secret", 1) for recipe in RECIPES.values()}) == len(RECIPES)
    unique = stamped({"id": "{uuid}"}, "a", "b", 1), stamped({"id": "{uuid}"}, "a", "b", 1)
    assert unique[0] != unique[1]


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_the_examples_are_right(file: Path) -> None:
    assert loading.load(file).name == file.stem
