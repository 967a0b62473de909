"""The TOML of docs/how-to/issuer.md is what the settings and `lingpai apply` take."""

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lingpai.cli.tree import app
from lingpai.settings import load_settings
from tests.docs.blocks import ROOT, blocks

PAGES = ("issuer.md", "issuer.zh-CN.md")


def toml_blocks(name: str) -> list[str]:
    page = ROOT / "docs" / "how-to" / name
    return ["\n".join(block.lines) + "\n" for block in blocks(page) if block.language == "toml"]


@pytest.mark.parametrize("name", PAGES)
def test_the_declared_things_are_applied(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "4004000002").write_text("0123456789ab\n")
    (tmp_path / "declared.toml").write_text(toml_blocks(name)[0], "utf-8")
    env = {"CAROL_PASSWORD": "a good one", "MALL_APP_SECRET": "5e" * 20, "LINGPAI_DATA": "data", "LANG": "C"}
    done = CliRunner().invoke(app, ["apply", "declared.toml"], env=env)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", PAGES)
def test_the_realms_are_settings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = toml_blocks(name)[1]
    (tmp_path / "lingpai.toml").write_text(text, "utf-8")
    settings = load_settings()
    assert settings.named_realms() == set(tomllib.loads(text)["realms"])
    (mall, test, *beside) = settings.enabled_realms()
    assert [each.name for each in beside] == ["yilianyun", "oidc"]
    assert (mall.policy().default_scope, test.prefix, test.policy().access) == ("basic", "/test", 600)


@pytest.mark.parametrize("name", PAGES)
def test_the_brand_is_a_setting(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lingpai.toml").write_text(toml_blocks(name)[2], "utf-8")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (brand,) = (each.brand for each in load_settings(data=tmp_path).all_realms() if each.name == "oidc")
    assert brand.title_in("zh") == "示例"
    assert brand.scopes["orders:read"]["en"] == "see your orders"
    assert brand.logo is not None
    assert sorted(brand.links_in("en")) == ["privacy", "terms"]
