import json
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.cli.conftest import Cli

SECRET = "0123456789abcdef"


def rows(cli: Cli, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli("audit", "list", *options).json
    return found


def add_account(cli: Cli, *options: str, secret: str = SECRET) -> None:
    assert cli("account", "add", "wechat", "wx1", *options, "--secret-stdin", given=secret).code == 0


def test_a_change_is_listed_with_what_was_there_before_and_never_a_secret(cli: Cli) -> None:
    add_account(cli)
    add_account(cli, "--domain", "a.example.com", secret="0f1e2d3c4b5a69788796")
    newest, first = rows(cli)
    assert (first["id"], first["action"], first["target"], first["outcome"]) == (
        1,
        "account.add",
        "wechat/wx1",
        "done",
    )
    assert first["before"] == {}
    assert first["actor_kind"] == "cli"
    assert "@" in first["actor"]
    assert newest["action"] == "account.change"
    assert (newest["before"]["domains"], newest["after"]["domains"]) == ([], ["a.example.com"])
    assert newest["before"].keys() == newest["after"].keys() == {"domains", "secret"}
    assert newest["after"]["secret"] == cli("account", "show", "wx1").json["secret_fingerprint"]
    answer = cli("audit", "list").stdout
    assert SECRET not in answer
    assert "0f1e2d3c4b5a69788796" not in answer


EVERY = (
    (("caller", "add", "shop"), "caller.add", "shop"),
    (("caller", "set", "shop", "--right", "token"), "caller.change", "shop"),
    (("caller", "rotate", "shop"), "caller.rotate", "shop"),
    (("caller", "revoke", "shop"), "caller.revoke", "shop"),
    (("app", "add", "Shop", "--realm", "mall", "--app-id", "77"), "app.add", "mall/77"),
    (("app", "disable", "77"), "app.change", "mall/77"),
    (("app", "rotate-secret", "77"), "app.change", "mall/77"),
    (("user", "add", "ann", "--realm", "mall", "--no-password"), "user.add", "mall/ann"),
    (("user", "disable", "ann"), "user.change", "mall/ann"),
    (("user", "enable", "ann"), "user.change", "mall/ann"),
    (("user", "claims", "ann", "email=ann@example.com"), "user.claims", "mall/ann"),
    (("user", "reset-link", "ann"), "user.reset-link", "mall/ann"),
    (("app", "enable", "77"), "app.change", "mall/77"),
    (("grant", "code", "--app", "77", "--user", "ann"), "grant.code", "mall/77"),
    (("machine", "add", "m1", "--realm", "yilianyun"), "machine.save", "yilianyun/m1"),
    (("machine", "qr", "m1"), "machine.qr", "yilianyun/m1"),
    (("machine", "remove", "m1", "--yes"), "machine.remove", "yilianyun/m1"),
    (("resource", "add", "https://api.example.com/"), "resource.add", "oidc/https://api.example.com/"),
    (("registration", "add", "partner"), "registration.add", "oidc/partner"),
    (("registration", "revoke", "1"), "registration.revoke", "oidc/1"),
    (
        ("resource", "remove", "https://api.example.com/", "--yes"),
        "resource.remove",
        "oidc/https://api.example.com/",
    ),
    (("realm", "login-key", "--realm", "mall"), "realm.login-key", "mall"),
    (("key", "rotate", "--yes"), "key.rotate", ""),
    (("user", "remove", "ann", "--yes"), "user.remove", "mall/ann"),
    (("app", "remove", "77", "--yes"), "app.remove", "mall/77"),
)


def test_every_command_that_changes_something_leaves_a_row(cli: Cli) -> None:
    for arguments, action, target in EVERY:
        done = cli(*arguments)
        assert done.code == 0, (arguments, done.stderr)
        newest = rows(cli, "--limit", "1")[0]
        assert newest["action"] == action, arguments
        assert newest["target"] == (target or str(done.json["key"])), arguments
    assert cli("audit", "verify").json["rows"] == len(EVERY)


def test_what_a_command_does_not_change_leaves_no_row(cli: Cli) -> None:
    cli("caller", "add", "shop")
    for arguments in (
        ("caller", "set", "shop", "--environment", ""),
        ("caller", "add", "shop"),
        ("caller", "revoke", "nobody"),
        ("account", "remove", "wx1", "--yes"),
    ):
        cli(*arguments)
    assert [each["action"] for each in rows(cli)] == ["caller.add"]


def test_an_applied_file_leaves_a_row_for_each_change(cli: Cli) -> None:
    file = cli.home / "all.json"
    entries = {
        "accounts": [{"platform": "wechat", "account": "wx1", "secret": SECRET}],
        "callers": [{"name": "shop"}],
        "users": [{"login": "ann", "realm": "mall"}],
        "apps": [{"app_id": "77", "realm": "mall"}],
        "resources": [{"uri": "https://api.example.com/", "realm": "oidc"}],
    }
    file.write_text(json.dumps(entries))
    assert cli("apply", str(file)).code == 0
    assert {each["action"] for each in rows(cli)} == {
        *("account.add", "caller.add", "user.add", "app.add", "resource.add")
    }
    assert cli("apply", str(file)).code == 0
    file.write_text(json.dumps({name: [] for name in entries}))
    assert cli("apply", str(file), "--prune").code == 0
    assert {each["action"] for each in rows(cli, "--limit", "5")} == {
        *("account.remove", "caller.revoke", "user.remove", "app.remove", "resource.remove")
    }
    assert len(rows(cli)) == 10


def test_rows_are_filtered_and_continued(cli: Cli) -> None:
    for name in ("a", "ab", "b"):
        cli("caller", "add", name)
    assert [each["target"] for each in rows(cli, "--target", "a*")] == ["ab", "a"]
    assert [each["target"] for each in rows(cli, "--target", "a")] == ["a"]
    assert rows(cli, "--actor", "nobody") == []
    assert len(rows(cli, "--since", "1h")) == 3
    listed = cli("audit", "list", "--limit", "2")
    assert "--before 2" in listed.stderr
    assert [each["target"] for each in rows(cli, "--before", "2")] == ["a"]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE audit_rows SET actor = 'mallory' WHERE id = 2", "Row 2"),
        ("UPDATE audit_rows SET at = at + 1 WHERE id = 3", "Row 3"),
        ("DELETE FROM audit_rows WHERE id = 2", "before row 3"),
        ("DELETE FROM audit_rows WHERE id = 3", "after row 2"),
        ("UPDATE audit_rows SET id = 9 WHERE id = 3", "Row 9"),
        ("UPDATE audit_rows SET digest = x'00' WHERE id = 3", "Row 3"),
    ],
)
def test_an_altered_trail_is_found(cli: Cli, statement: str, problem: str) -> None:
    for name in ("a", "b", "c"):
        cli("caller", "add", name)
    whole = cli("audit", "verify").json
    assert (whole["rows"], whole["verified"]) == (3, True)
    connection = apsw.Connection(str(cli.data / "lingpai.db"))
    connection.execute(statement)
    connection.close()
    found = cli("audit", "verify")
    assert found.code == 1
    assert problem in json.loads(found.stdout)["problem"]


def test_the_trail_is_exported_with_its_digests(cli: Cli, tmp_path: Path) -> None:
    for name in ("a", "b"):
        cli("caller", "add", name)
    file = tmp_path / "audit.ndjson"
    assert cli("audit", "export", str(file)).json == {"file": str(file), "rows": 2}
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["id"] for line in lines] == [1, 2]
    assert lines[1]["previous"] == lines[0]["digest"]
    assert lines[1]["digest"] == cli("audit", "verify").json["digest"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert cli("audit", "export", str(file)).code == 1
    assert json.loads(cli("audit", "export", "-", "--after", "1").stdout) == lines[1]


def test_an_empty_trail_is_as_it_was_written(cli: Cli) -> None:
    add_account(cli)
    connection = apsw.Connection(str(cli.data / "lingpai.db"))
    connection.execute("DELETE FROM audit_rows; DELETE FROM audit_head")
    connection.close()
    assert cli("audit", "verify").json == {
        "rows": 0,
        "first": 0,
        "last": 0,
        "digest": "",
        "problem": "",
        "verified": True,
    }
