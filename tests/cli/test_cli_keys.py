import stat

from lingpai.core.keyring import KeyRing
from tests.cli.conftest import Cli, Sandbox


def test_rotation_seals_everything_anew_and_nothing_is_lost(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    value = cli("token", "get", name, "--value").stdout
    assert cli("key", "rotate").json == {"key": 2, "resealed": 2}  # the secret and the token
    first, second = cli("key", "list").json
    assert (first["key"], first["values"], first["seals"]) == (1, 0, False)
    assert (second["key"], second["values"], second["seals"]) == (2, 2, True)
    assert cli("key", "retire", "1").json == {"key": 1, "outcome": "retired"}
    assert cli("token", "get", name, "--value").stdout == value
    assert stat.S_IMODE((cli.data / "keyring.json").stat().st_mode) == 0o600


def test_a_key_that_still_seals_something_is_not_retired(cli: Cli) -> None:
    cli.add_sample()
    KeyRing(cli.data / "keyring.json").rotate(0)  # as when a rotation was interrupted
    refused = cli("key", "retire", "1")
    assert refused.code == 1
    assert "key reseal" in refused.stderr
    assert cli("key", "reseal").json == {"key": 2, "resealed": 1}
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
