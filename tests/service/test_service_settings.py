"""What is said of settings that do not do, wherever they come from."""

import os
from pathlib import Path

import pytest

from lingpai.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [each for each in os.environ if each.startswith("LINGPAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(**given: Path) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_settings(**given)
    return refused.value.problems


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LINGPAI_WROKERS", "LINGPAI_WORKERS"),
        ("lingpai_wrokers", "LINGPAI_WORKERS"),
        ("LINGPAI_KEEPER_PATIENCE", "LINGPAI_KEEPER__PATIENCE"),
        ("LINGPAI_KEPER__PATIENCE", "LINGPAI_KEEPER__PATIENCE"),
        ("LINGPAI_REALM__SHOP__DIALECT", "LINGPAI_REALMS__SHOP__DIALECT"),
    ],
)
def test_a_mistyped_variable_is_refused_and_the_right_one_named(
    name: str, meant: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text(f"{name}=3\nOTHER_WORKERS=3\n")
    assert problems() == [f"{name} (.env): there is no such setting; is {meant} meant?"]
    (folder / ".env").unlink()
    monkeypatch.setenv(name, "3")
    monkeypatch.setenv("LINGPAI_PORT", "many")
    port, typo = problems()
    assert "LINGPAI_PORT" in port
    assert typo == f"{name} (environment): there is no such setting; is {meant} meant?"


@pytest.mark.parametrize(
    "name",
    [
        *("LINGPAI_URL", "LINGPAI_STRENGTH"),  # our clients' and tests'
        # what Kubernetes sets for services named lingpai, lingpai-store and lingpai-redis
        *("LINGPAI_SERVICE_HOST", "LINGPAI_SERVICE_PORT", "LINGPAI_PORT_8000_TCP_ADDR"),
        *("LINGPAI_STORE_SERVICE_HOST", "LINGPAI_STORE_PORT", "LINGPAI_REDIS_PORT_6379_TCP_PROTO"),
    ],
)
def test_variables_of_others_are_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "tcp://192.0.2.1:80")
    load_settings()


def test_a_value_that_is_not_json_is_named_with_one_that_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "LINGPAI_KEEPER__TRUSTED_NETWORKS"
    (folder / ".env").write_text(f"{name}=10.0.0.0/8\n")
    assert problems() == [f'{name} (.env): must be a JSON list, such as ["10.0.0.0/8"]']
    monkeypatch.setenv(name, "[10.0.0.0/8, ::1]")
    assert problems() == [f'{name} (environment): must be a JSON list, such as ["10.0.0.0/8", "::1"]']
    monkeypatch.delenv(name)
    (folder / ".env").unlink()
    monkeypatch.setenv("LINGPAI_REDIS", "redis://:password@127.0.0.1")
    assert problems() == ['LINGPAI_REDIS (environment): must be a JSON object, such as {"name": 1}']


@pytest.mark.parametrize("content", [b"port =", b'host = "\xff"', b"a=" + b"[" * 5000])
def test_a_file_that_cannot_be_understood_is_the_one_that_is_named(content: bytes, folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    (folder / "lingpai.toml").write_text("workers = 2")
    (data / "lingpai.toml").write_bytes(content)
    (only,) = problems(data=data)
    assert only.startswith(f"{data / 'lingpai.toml'}: ")
    (folder / "lingpai.toml").write_bytes(content)
    (only,) = problems(data=data)
    assert only.startswith("lingpai.toml: ")
    (folder / ".env").write_bytes(b"LINGPAI_HOST=\xff\n")
    (only,) = problems(data=data)
    assert only.startswith(".env: ")


@pytest.mark.parametrize("name", ["drain", "wechat.overlap", "keeper.probe_every"])
@pytest.mark.parametrize("number", ["inf", "1e400", "nan"])
def test_an_endless_time_is_refused(name: str, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGPAI_" + name.upper().replace(".", "__"), number)
    assert len(problems()) == 1
