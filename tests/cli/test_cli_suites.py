"""`lingpai authorizer` with a third-party app of WeCom, from its declaration on."""

from lingpai.sandbox import SAMPLE_SUITE
from tests.cli.conftest import Cli

NAME = f"wecom_suite/{SAMPLE_SUITE.suite_id}"
NEXT = "https://app.example/installed"


def add(cli: Cli, *more: str) -> None:
    added = cli(
        *("account", "add", "wecom_suite", SAMPLE_SUITE.suite_id, "--corpid", SAMPLE_SUITE.corpid),
        *("--callback-token", SAMPLE_SUITE.token, "--encoding-key", SAMPLE_SUITE.encoding_key, *more),
        "--secret-stdin",
        given=SAMPLE_SUITE.secret,
    )
    assert added.json["account"] == NAME


def test_a_suite_is_declared_and_its_secrets_are_not_shown(cli: Cli) -> None:
    add(cli)
    shown = cli("account", "show", NAME)
    assert shown.json["corpid"] == SAMPLE_SUITE.corpid
    for secret in (SAMPLE_SUITE.secret, SAMPLE_SUITE.token, SAMPLE_SUITE.encoding_key):
        assert secret not in shown.stdout


def test_a_corp_gets_a_link(cli: Cli) -> None:
    add(cli, "--next", NEXT)
    made = cli("authorizer", "link", NAME, "--next", NEXT).json["link"]
    assert f"/authorize/{NAME}?link=" in made


def test_wecom_says_not_who_has_authorised(cli: Cli) -> None:
    add(cli)
    answer = cli("authorizer", "recover", NAME)
    assert answer.code == 1
    assert "does not say who has authorised" in answer.stderr
    assert "不提供授权列表" in cli("authorizer", "recover", NAME, env={"LC_ALL": "zh_CN.UTF-8"}).stderr
