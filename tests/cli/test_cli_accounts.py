import stat
import subprocess

import pytest

from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP
from tests.cli.conftest import COMMAND, Cli

NAME = f"wechat/{SAMPLE_APP.appid}"


def test_an_added_account_is_listed_with_a_fingerprint_and_never_its_secret(cli: Cli) -> None:
    added = cli(
        *("account", "add", "wechat", SAMPLE_APP.appid, "--mode", "classic", "--domain", "www.example.com"),
        *("--domain", "*.example.org", "--secret-stdin"),
        given=f"  {SAMPLE_APP.secret}\n",
    )
    assert added.json["outcome"] == "added"
    (listed,) = cli("account", "list").json
    assert listed["account"] == NAME
    assert listed["mode"] == "classic"
    assert listed["domains"] == ["www.example.com", "*.example.org"]
    assert listed["source"] == "operator"
    assert listed["secret_fingerprint"] == added.json["secret_fingerprint"]
    assert len(listed["secret_fingerprint"]) == 8
    assert listed["secret_fingerprint"] not in SAMPLE_APP.secret
    assert stat.S_IMODE(cli.data.stat().st_mode) == 0o700


def test_adding_again_replaces_and_the_fingerprint_distinguishes_the_secrets(cli: Cli) -> None:
    cli.add_sample()
    before = cli("account", "show", NAME).json["secret_fingerprint"]
    again = cli("account", "add", "wechat", SAMPLE_APP.appid, "--secret-stdin", given="f" * 32).json
    assert again["outcome"] == "replaced"
    assert again["secret_fingerprint"] != before
    assert len(cli("account", "list").json) == 1


def test_adding_again_keeps_what_is_not_named_and_says_what_changed(cli: Cli) -> None:
    """A rotated secret must not open the signing of pages to every host."""
    add = ("account", "add", "wechat", SAMPLE_APP.appid, "--secret-stdin")
    cli(*add, "--mode", "classic", "--domain", "a.example", "--domain", "b.example", given="e" * 32)
    again = cli(*add, given="f" * 32).json
    assert (again["outcome"], again["changed"]) == ("replaced", ["secret"])
    assert (again["mode"], again["domains"]) == ("classic", ["a.example", "b.example"])
    narrowed = cli(*add, "--domain", "a.example", "--mode", "stable", given="f" * 32).json
    assert (narrowed["changed"], narrowed["domains"]) == (["mode", "domains"], ["a.example"])
    opened = cli(*add, "--any-domain", given="f" * 32).json
    assert (opened["changed"], opened["domains"], opened["mode"]) == (["domains"], [], "stable")
    refused = cli(*add, "--any-domain", "--domain", "a.example", given="f" * 32)
    assert refused.code == 2
    assert cli("account", "show", SAMPLE_APP.appid).json["domains"] == []


def test_the_origins_of_an_account_are_set_kept_and_taken_away(cli: Cli) -> None:
    add = ("account", "add", "wechat", SAMPLE_APP.appid, "--secret-stdin")
    cli(*add, "--origin", "https://a.example", "--origin", "http://intranet:8080", given="e" * 32)
    assert cli(*add, given="f" * 32).json["origins"] == ["https://a.example", "http://intranet:8080"]
    assert cli("account", "show", SAMPLE_APP.appid).json["origins"] == [
        "https://a.example",
        "http://intranet:8080",
    ]
    assert cli(*add, "--origin", "", given="f" * 32).json["origins"] == []
    for wrong in ("a.example", "https://a.example/", "https://A.example", "ftp://a.example", "*", "null"):
        refused = cli(*add, "--origin", wrong, given="f" * 32)
        assert refused.code == 2
        assert "https://www.example.com" in refused.stderr
    other = ("account", "add", "yilianyun", "1000000001", "--origin", "https://a.example", "--secret-stdin")
    cli.env["LINGPAI_YILIANYUN__BASE_URL"] = "http://127.0.0.1:1"
    assert "signed" in cli(*other, given="s" * 32).stderr


def test_show_finds_an_account_by_its_id_or_label_alone(cli: Cli) -> None:
    cli.add_sample()
    cli.add_corp()
    assert cli("account", "show", SAMPLE_APP.appid).json["account"] == NAME
    shown = cli("account", "show", "agent").json
    assert shown["account"] == f"wecom/{SAMPLE_CORP.corpid}/agent"
    assert [(each["kind"], each["live"]) for each in shown["held"]] == [("access_token", False)]


def test_an_ambiguous_name_is_refused_with_the_choices(cli: Cli) -> None:
    cli.add_corp()
    cli("account", "add", "wecom", SAMPLE_CORP.corpid, "--label", "second", "--secret-stdin", given="s" * 43)
    refused = cli("account", "show", f"wecom/{SAMPLE_CORP.corpid}")
    assert refused.code == 1
    assert f"wecom/{SAMPLE_CORP.corpid}/agent" in refused.stderr
    assert f"wecom/{SAMPLE_CORP.corpid}/second" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("weibo", "wx1"), "known platforms: wechat, wecom"),
        (("wechat", "wx/1"), "not an account id"),
        (("wechat", "wx1", "--label", "x"), "takes no label"),
        (("wecom", "ww1", "--label", "a/b"), "not a label"),
        (("wecom", "ww1", "--mode", "stable"), "has no mode stable"),
        (("wechat", "wx1", "--mode", "fast"), "stable, classic"),
        (("wechat", "wx1", "--domain", "https://a.example"), "not a host name"),
    ],
)
def test_what_the_platform_does_not_have_is_refused_before_the_secret_is_asked_for(
    cli: Cli, arguments: tuple[str, ...], said: str
) -> None:
    refused = cli("account", "add", *arguments)
    assert refused.code == 2
    assert said in refused.stderr
    assert "account add --help" in refused.stderr
    assert cli("account", "list").json == []


@pytest.mark.parametrize(
    ("given", "arguments", "said"),
    [
        ("lpk_abcdef", ("--secret-stdin",), "caller key"),
        ("two words", ("--secret-stdin",), "blanks"),
        ("x" * 513, ("--secret-stdin",), "too long"),
        (" \n", ("--secret-stdin",), "empty"),
        ("", (), "--secret-stdin"),
        ("s", ("--secret-stdin", "--secret", "s"), "either"),
    ],
)
def test_a_secret_that_cannot_be_one_is_refused(
    cli: Cli, given: str, arguments: tuple[str, ...], said: str
) -> None:
    refused = cli("account", "add", "wechat", "wx1", *arguments, given=given)
    assert refused.code == 2
    assert said in refused.stderr
    assert cli("account", "list").json == []


def test_a_secret_on_the_command_line_works_with_a_note_and_is_not_repeated(cli: Cli) -> None:
    added = cli("account", "add", "wechat", SAMPLE_APP.appid, "--secret", SAMPLE_APP.secret)
    assert added.json["outcome"] == "added"
    assert "history" in added.stderr
    assert SAMPLE_APP.secret not in added.stdout + added.stderr


def test_removing_needs_a_yes_where_nobody_can_be_asked(cli: Cli) -> None:
    cli.add_sample()
    refused = cli("account", "remove", NAME)
    assert refused.code == 2
    assert "--yes" in refused.stderr
    assert cli("account", "remove", NAME, "--yes").json == {"account": NAME, "outcome": "removed"}
    assert cli("account", "list").json == []
    missing = cli("account", "remove", NAME, "--yes")
    assert missing.code == 1
    assert "lingpai account list" in missing.stderr


def test_a_mistyped_folder_is_not_an_empty_list(cli: Cli) -> None:
    refused = cli("account", "list", "--data", str(cli.home / "nowhere"))
    assert refused.code == 1
    assert "--data" in refused.stderr
    assert not (cli.home / "nowhere").exists()


def test_a_lost_key_ring_is_not_replaced_by_a_fresh_one(cli: Cli) -> None:
    cli.add_sample()
    (cli.data / "keyring.json").unlink()
    for arguments in (("account", "list"), ("account", "add", "wechat", "wx1", "--secret", "s")):
        refused = cli(*arguments)
        assert refused.code == 1
        assert "backup" in refused.stderr
    assert not (cli.data / "keyring.json").exists()


def test_one_corp_has_many_secrets(cli: Cli) -> None:
    first = cli.add_corp()
    second = cli(
        *("account", "add", "wecom", SAMPLE_CORP.corpid, "--label", "b", "--secret-stdin"), given="b" * 43
    ).json["account"]
    listed = {each["account"]: each["secret_fingerprint"] for each in cli("account", "list").json}
    assert set(listed) == {first, second}
    assert listed[first] != listed[second]
    assert SAMPLE_AGENT.secret not in str(listed)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "en_US.UTF-8"])
@pytest.mark.parametrize(
    "arguments",
    [("account", "add", "wechat", "wx1", "--secret-stdin"), ("token", "report")],
)
def test_input_that_is_no_text_is_one_line(cli: Cli, arguments: tuple[str, ...], locale: str) -> None:
    cli.env |= {"LANG": locale}
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=b"caf\xe9",
        capture_output=True,
        env=cli.environment(),
        cwd=cli.home,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"is not UTF-8 text" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
