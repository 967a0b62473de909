"""What is said of settings that do not do, wherever they come from."""

import os
from pathlib import Path

import pytest

from lingpai.settings import SettingsError, legacy_accounts, load_settings


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


@pytest.mark.parametrize("dressed", ["secret\n", "secret\r\n", '"secret"', "'secret'\r\n", " secret "])
def test_values_of_the_environment_are_trimmed_as_those_of_files(
    dressed: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text(f"THIRD_APPID_wx1={dressed}\n")
    monkeypatch.setenv("THIRD_APPID_wx2", dressed)
    monkeypatch.setenv("LINGPAI_HOST", dressed)
    assert [each.secret for each in legacy_accounts()] == ["secret", "secret"]
    assert load_settings().host == "secret"


def test_a_byte_order_mark_hides_nothing(folder: Path) -> None:
    (folder / ".env").write_text("THIRD_APPID_wx1=secret\nLINGPAI_PORT=8123\n", "utf-8-sig")
    (folder / "lingpai.toml").write_text("workers = 3\n", "utf-8-sig")
    settings = load_settings()
    assert (settings.port, settings.workers) == (8123, 3)
    assert [each.account for each in legacy_accounts()] == ["wx1"]


@pytest.mark.parametrize("name", [".env", "lingpai.toml"])
def test_other_encodings_are_named(name: str, folder: Path) -> None:
    text = "# 令牌\nLINGPAI_HOST='a'\n" if name == ".env" else "# 令牌\nhost = 'a'\n"
    for encoding in ("gbk", "utf-16"):
        (folder / name).write_text(text, encoding)
        (only,) = problems()
        assert only.startswith(f"{name}: ")
        assert encoding.upper() in only
        assert "UTF-8" in only


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('THIRD_APPID_wx1="one\nTHIRD_APPID_wx2=two\nTHIRD_APPID_wx3="three"\n', 1),
        ("A=1\nTHIRD_APPID_wx1='one\n", 2),
        ('\n# sample\nexport LINGPAI_HOST="a\nB="b"\n', 3),
        ("OTHER='x\nTHIRD_APPID_wx1=one\nMORE='y'\n", 1),
    ],
)
def test_an_unclosed_quote_swallows_no_account(content: str, line: int, folder: Path) -> None:
    (folder / ".env").write_text(content)
    (only,) = problems()
    assert only == f".env, line {line}: this cannot be understood; is a quote not closed?"


def test_values_of_others_may_have_several_lines(folder: Path) -> None:
    (folder / ".env").write_text(
        "KEY='-----BEGIN-----\nabc\n-----END-----'\nTHIRD_APPID_wx1=one\nbroken line\n"
    )
    load_settings()
    assert [each.secret for each in legacy_accounts()] == ["one"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("\n\nworkres = 2\n", "lingpai.toml, line 3: there is no setting workres; is workers meant?"),
        ("[keeper]\npatiense = 2\n", "lingpai.toml, line 2: there is no setting keeper.patiense; is keeper.pati"),
        ("patience = 2\n", "lingpai.toml, line 1: there is no setting patience; is keeper.patience meant?"),
        ("[keper]\npatience = 2\n", "lingpai.toml, line 1: there is no setting keper"),
        ("[realms.mall]\ndialect = 'mall'\nprefx = '/a'\n",
         "lingpai.toml, line 3: there is no setting realms.mall.prefx; is realms.mall.prefix meant?"),
        ("workers = 0\n", "lingpai.toml, line 1: workers: "),
        ("# a\nkeeper.tick = 'soon'\n", "lingpai.toml, line 2: keeper.tick: "),
        ("[edge]\ntrusted_proxies = [\n'everywhere',\n]\n", "lingpai.toml, line 2: edge.trusted_proxies.0: "),
        ("qqqqq = 1\n", "lingpai.toml, line 1: there is no setting qqqqq."),
    ],
)  # fmt: skip
def test_a_typing_error_in_a_file_is_named_with_its_line(content: str, said: str, folder: Path) -> None:
    (folder / "lingpai.toml").write_text(content)
    (only,) = problems()
    assert only.startswith(said)
    assert "LINGPAI_" not in only


def test_a_bad_value_is_named_where_it_was_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lingpai.toml").write_text("port = 70000\n")
    assert problems()[0].startswith("lingpai.toml, line 1: port: ")
    (folder / ".env").write_text("LINGPAI_PORT=70000\n")
    assert problems()[0].startswith("LINGPAI_PORT (.env): port: ")
    monkeypatch.setenv("lingpai_port", "70000")
    assert problems()[0].startswith("lingpai_port (environment): port: ")
    with pytest.raises(SettingsError, match="command line: port: "):
        load_settings(port=70000)


@pytest.mark.parametrize(
    ("name", "url", "before"),
    [
        ("WECHAT", "https://api.weixin.qq.com/cgi-bin", "/cgi-bin"),
        ("WECOM", "https://qyapi.weixin.qq.com/cgi-bin/gettoken", "/cgi-bin"),
        ("WECHAT", "https://proxy.example/weixin/sns/", "/sns"),
        ("YZB", "https://yzb.example/OAuth2", "/OAuth2"),
        ("YILIANYUN", "https://open.example/oauth/oauth", "/oauth"),
    ],
)
def test_an_address_with_a_path_of_the_platform_is_refused(
    name: str, url: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LINGPAI_{name}__BASE_URL", url)
    (problem,) = problems()
    assert f"must be what comes before {before}," in problem
    monkeypatch.setenv(f"LINGPAI_{name}__BASE_URL", "https://proxy.example/weixin")
    load_settings()
