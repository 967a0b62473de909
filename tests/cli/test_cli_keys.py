import asyncio
import stat

import pytest

from lingpai.core.clock import SystemClock
from lingpai.core.issuer_records import App, Secret
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.issuer.verbs.apps import clear_secrets
from lingpai.service import open_keeper
from lingpai.settings import load_settings
from lingpai.store.sqlite.issuer.store import SqliteIssuerStore
from tests.cli.conftest import Cli, Sandbox
from tests.cli.issuing import worker


def test_rotation_seals_everything_anew_and_nothing_is_lost(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    value = cli("token", "get", name, "--value").stdout
    rotated = cli("key", "rotate").json
    assert rotated["resealed"] == 2  # the secret and the token
    first, second = cli("key", "list").json
    assert (first["key"], first["values"], first["seals"]) == (1, 0, False)
    assert (second["key"], second["values"], second["seals"]) == (rotated["key"], 2, True)
    assert cli("key", "retire", "1").json == {"key": 1, "outcome": "retired"}
    assert cli("token", "get", name, "--value").stdout == value
    assert stat.S_IMODE((cli.data / "keyring.json").stat().st_mode) == 0o600


def test_a_key_that_still_seals_something_is_not_retired(cli: Cli) -> None:
    cli.add_sample()
    newest = KeyRing(cli.data / "keyring.json").rotate(0).id  # as when a rotation was interrupted
    refused = cli("key", "retire", "1")
    assert refused.code == 1
    assert "key reseal" in refused.stderr
    assert cli("key", "reseal").json == {"key": newest, "resealed": 1}
    assert cli("key", "retire", "1").code == 0
    assert cli("account", "list").code == 0


def test_the_key_that_seals_is_not_retired(cli: Cli) -> None:
    cli("caller", "add", "a")
    for key in ("1", "7"):
        refused = cli("key", "retire", key)
        assert refused.code == 1
        assert "lingpai key" in refused.stderr
    assert len(cli("key", "list").json) == 1


def test_an_open_key_ring_is_refused_with_the_command_that_mends_it(cli: Cli) -> None:
    cli.add_sample()
    (cli.data / "keyring.json").chmod(0o644)
    refused = cli("key", "list")
    assert refused.code == 1
    assert "chmod 600" in refused.stderr


def test_foreign_keys_end_in_one_line(cli: Cli) -> None:
    cli.add_sample()
    (cli.data / "keyring.json").unlink()
    KeyRing.open_or_create(cli.data / "keyring.json", 0)
    refused = cli("account", "list")
    assert refused.code == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "backup" in refused.stderr


def test_a_store_that_other_nodes_use_is_not_rotated_by_a_script_that_does_not_say_yes(cli: Cli) -> None:
    cli("caller", "add", "a")
    ring = (cli.data / "keyring.json").read_bytes()
    nowhere = {"LINGPAI_STORE": "postgresql://u@127.0.0.1:1/prod"}
    refused = cli("key", "rotate", env=nowhere)
    assert refused.code == 2
    assert "--yes" in refused.stderr
    assert "not available" in cli("key", "rotate", "--yes", env=nowhere).stderr
    assert (cli.data / "keyring.json").read_bytes() == ring


def test_a_rotation_asks_on_a_terminal_and_says_what_to_do_next(cli: Cli) -> None:
    cli("caller", "add", "a")
    ring = (cli.data / "keyring.json").read_bytes()
    refused = cli.terminal("key", "rotate", typed="n\n")
    assert refused.code == 1
    assert "Backups of this file" in refused.stdout
    assert (cli.data / "keyring.json").read_bytes() == ring
    agreed = cli.terminal("key", "rotate", typed="y\n")
    assert agreed.code == 0, agreed.stdout
    assert "Back up" in agreed.stdout
    assert (cli.data / "keyring.json").read_bytes() != ring


def test_a_ring_from_before_a_rotation_ends_in_one_line_that_says_which_to_copy(cli: Cli) -> None:
    name = cli.add_sample()
    before = (cli.data / "keyring.json").read_bytes()
    cli("key", "rotate")
    (cli.data / "keyring.json").write_bytes(before)
    for arguments in (("account", "list"), ("account", "show", name)):
        refused = cli(*arguments)
        assert refused.code == 1
        assert len(refused.stderr.strip().splitlines()) == 1
        assert "copy the key ring of the node where the key was rotated" in refused.stderr
    answer = cli("doctor", "--offline")
    assert "Copy the key ring of the node where the key was rotated" in answer.stdout + answer.stderr


def test_rotation_covers_the_secrets_of_apps_that_sign(cli: Cli) -> None:
    signing = cli("app", "add", "P", "--realm", "yilianyun").json
    cli("app", "add", "S", "--realm", "mall")  # its secret is only digested
    assert cli("key", "list").json[0]["values"] == 1
    second = KeyRing(cli.data / "keyring.json").rotate(0).id
    assert cli("key", "retire", "1").code == 1
    assert cli("key", "rotate").json["resealed"] == 1
    for key in ("1", str(second)):
        assert cli("key", "retire", key).code == 0

    async def secrets() -> tuple[str, ...]:
        async with worker(cli) as issuers:
            app = await issuers["yilianyun"].store.find_app("yilianyun", signing["app_id"])
            assert app is not None
            return clear_secrets(issuers["yilianyun"], app)

    assert asyncio.run(secrets()) == (signing["secret"],)


def test_a_key_is_not_retired_while_a_worker_may_still_seal_with_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that had not met the new key seals a moment after the rotation; that value is found before the end."""
    cli("caller", "add", "anybody")
    late = KeyRing(cli.data / "keyring.json")
    cli("key", "rotate")

    async def seal_late(self: SystemClock, seconds: float) -> None:
        waited.append(seconds)
        store = await SqliteIssuerStore.open(cli.data / "lingpai.db", late, SystemClock())
        await store.add_app(App(realm="yilianyun", app_id="late", secrets=(Secret(b"digest", "clear"),)))
        await store.close()

    waited: list[float] = []
    monkeypatch.setattr(late, "_look_at", float("inf"))  # it does not look again
    monkeypatch.setattr(SystemClock, "sleep", seal_late)
    refused = cli("key", "retire", "1")
    assert len(waited) == 1
    assert refused.code == 1
    assert "still encrypted with key 1: 1;" in refused.stderr


async def test_a_lost_key_ring_is_not_replaced_by_one_that_opens_nothing(cli: Cli) -> None:
    await asyncio.to_thread(cli.add_sample)
    (cli.data / "keyring.json").unlink()
    with pytest.raises(KeyRingError, match="backup"):
        async with open_keeper(load_settings(data=cli.data)):
            pass
    assert not (cli.data / "keyring.json").exists()


def test_signing_keys_are_listed_and_turned(cli: Cli) -> None:
    cli("app", "add", "Shop", "--realm", "oidc")
    assert cli("key", "list", "--signing").json == []  # none before a client asks
    made = cli("key", "rotate", "--signing").json
    assert [(key["realm"], key["alg"], key["state"]) for key in made] == [
        ("oidc", alg, state) for alg in ("RS256", "ES256") for state in ("signs", "published")
    ]
    assert cli("key", "list", "--signing").json == made
    assert cli("key", "rotate", "--signing", "--soon", "--realm", "oidc").json == made  # one waits already
    assert len({key["kid"] for key in made}) == 4
    assert "PRIVATE" not in cli("key", "list", "--signing").stdout
    other = cli("key", "rotate", "--signing", "--realm", "nowhere")
    assert (other.code, "yzb, mall, yilianyun, oidc" in other.stderr) == (1, True)


def test_signing_keys_are_sealed_anew_with_the_rest(cli: Cli) -> None:
    cli("key", "rotate", "--signing")
    assert cli("key", "rotate", "--yes").json["resealed"] == 4
    assert cli("key", "retire", "1").code == 0
    assert len(cli("key", "list", "--signing").json) == 4
