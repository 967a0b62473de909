"""Users who come from another system, with the hashes of their passwords."""

import asyncio
import json
from pathlib import Path

import bcrypt
import pytest

from lingpai.issuer.passwords import Passwords
from tests.cli.conftest import Cli
from tests.cli.issuing import worker

HASHED = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()


def write(cli: Cli, text: str, name: str = "users.csv") -> Path:
    path = cli.home / name
    path.write_text(text, "utf-8")
    return path


async def logs_in(cli: Cli, login: str) -> bool:
    async with worker(cli) as issuers:
        found = await issuers["mall"].store.find_login("mall", login)
        return found is not None and await Passwords().verify(found[1], "correct horse")


def run(cli: Cli, path: Path) -> dict[str, object]:
    answer = cli("user", "import", str(path), "--realm", "mall")
    found: dict[str, object] = json.loads(answer.stdout)
    assert answer.code == (1 if found["faults"] else 0), answer.stderr
    return found


def test_users_are_imported_with_their_hashes_and_stay_at_a_repetition(cli: Cli) -> None:
    path = write(cli, f"user,password_hash,nick,sex\nann,{HASHED},小红,2\nbob,,,\n")
    assert run(cli, path) == {"realm": "mall", "users_added": 2, "users_kept": 0, "faults": []}
    assert asyncio.run(logs_in(cli, "ann"))
    assert not asyncio.run(logs_in(cli, "bob"))
    assert run(cli, path) == {"realm": "mall", "users_added": 0, "users_kept": 2, "faults": []}
    assert cli("user", "show", "ann").json["nick"] == "小红"


def test_a_json_file_does_too(cli: Cli) -> None:
    path = write(cli, json.dumps([{"login": "ann", "password_hash": HASHED}]), "users.json")
    assert run(cli, path)["users_added"] == 1


def test_a_batch_with_faults_is_left_out_and_each_has_a_line(cli: Cli) -> None:
    cli("user", "add", "Zoe", "--realm", "mall", "--no-password")
    rows = [f"user{number},{HASHED}," for number in range(1, 1001)]
    rows += [f"late,{HASHED},", "weak,plain,", "late,,", "\u200b,,", "zoe,,", "sex,,9"]
    found = run(cli, write(cli, "login,password_hash,sex\n" + "\n".join(rows) + "\n"))
    assert found["users_added"] == 1000
    faults = found["faults"]
    assert isinstance(faults, list)
    assert [(each["row"], each["login"]) for each in faults] == [
        (1002, "weak"), (1003, "late"), (1004, "\u200b"), (1006, "sex"),
    ]  # fmt: skip
    assert not asyncio.run(logs_in(cli, "late"))
    mended = run(cli, write(cli, f"login,password_hash\nlate,{HASHED}\nzoe,\n"))
    assert [each["row"] for each in mended["faults"]] == [2]  # type: ignore[attr-defined]
    assert run(cli, write(cli, f"login,password_hash\nlate,{HASHED}\nZoe,\n"))["users_kept"] == 1


def test_a_row_without_a_login_is_a_problem(cli: Cli) -> None:
    answer = cli("user", "import", str(write(cli, f"login,password_hash\n,{HASHED}\n")), "--realm", "mall")
    assert answer.code == 1
    assert "Row 1" in answer.stderr


def test_a_hash_is_piped_in(cli: Cli) -> None:
    added = cli("user", "add", "ann", "--realm", "mall", "--password-hash-stdin", given=HASHED + "\n")
    assert added.code == 0, added.stderr
    assert asyncio.run(logs_in(cli, "ann"))
    refused = cli("user", "add", "bob", "--realm", "mall", "--password-hash-stdin", given="plain\n")
    assert (refused.code, "argon2id" in refused.stderr) == (2, True)
    both = cli(
        "user", "add", "bob", "--realm", "mall", "--password-hash-stdin", "--no-password", given=HASHED
    )
    assert both.code == 2


def test_apply_takes_a_hash_for_who_has_no_password(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASH_OF_ANN", HASHED)
    cli("user", "add", "bob", "--realm", "mall", "--no-password")
    path = write(
        cli,
        "".join(
            f'[[users]]\nrealm = "mall"\nlogin = "{name}"\npassword_hash = "env:HASH_OF_ANN"\n'
            for name in ("ann", "bob")
        ),
        "wanted.toml",
    )
    actions = [(each["action"], each["fields"]) for each in cli("apply", str(path)).json["changes"]]
    assert actions == [("add", []), ("change", ["password_hash"])]
    assert asyncio.run(logs_in(cli, "ann"))
    assert asyncio.run(logs_in(cli, "bob"))
    cli("user", "passwd", "ann", "--password-stdin", given="another one")
    assert {each["action"] for each in cli("apply", str(path)).json["changes"]} == {"keep"}
    assert not asyncio.run(logs_in(cli, "ann"))
    for wrong in ('password_hash = "plain"', 'password = "correct horse"\npassword_hash = "env:HASH_OF_ANN"'):
        bad = write(cli, f'[[users]]\nrealm = "mall"\nlogin = "cay"\n{wrong}\n', "bad.toml")
        assert cli("apply", str(bad)).code == 1


def test_a_reset_link_is_made_for_a_realm_with_passwords(cli: Cli) -> None:
    cli("user", "add", "ann", "--realm", "mall", "--no-password")
    made = cli("user", "reset-link", "ann", "--realm", "mall").json
    assert made["expires_in"] == 900
    assert "/user/mall/reset?link=" in made["address"]
    elsewhere = {"LINGPAI_REALMS__MALL__LOGIN": "https://shop.example/login"}
    refused = cli("user", "reset-link", "ann", "--realm", "mall", env=elsewhere)
    assert (refused.code, "https://shop.example/login" in refused.stderr) == (1, True)
    assert cli("user", "reset-link", "nobody").code == 1
