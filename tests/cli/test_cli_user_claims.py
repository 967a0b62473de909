"""`lingpai user claims`: what apps of the protocol oidc may read of a user besides the profile."""

import pytest

from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def ann(cli: Cli) -> None:
    assert cli("user", "add", "ann", "--realm", "oidc", "--no-password").code == 0


def test_they_are_set_shown_and_removed(cli: Cli) -> None:
    assert cli("user", "claims", "ann").json == {}
    given = ("email=ann@example.com", "email_verified=true", "address.country=CN", "address.locality=Beijing")
    found = cli("user", "claims", "ann", *given).json
    assert found.pop("updated_at") > 0
    assert found == {
        "email": "ann@example.com",
        "email_verified": True,
        "address": {"locality": "Beijing", "country": "CN"},
    }
    left = cli("user", "claims", "ann", "email=", "address.country=", "email_verified=false").json
    assert left == cli("user", "claims", "ann").json
    assert left.pop("updated_at") > 0
    assert left == {"address": {"locality": "Beijing"}}
    assert "address.locality" in cli.terminal("user", "claims", "ann").stdout


@pytest.mark.parametrize(
    "pair",
    [
        "email",
        "colour=red",
        "updated_at=1",
        "address=x",
        "email_verified=perhaps",
        "email=ann",
        "birthdate=soon",
    ],
)
def test_what_cannot_be_set(cli: Cli, pair: str) -> None:
    refused = cli("user", "claims", "ann", pair)
    assert refused.code in {1, 2}
    assert refused.stderr
    assert cli("user", "claims", "ann").json == {}


def test_nobody(cli: Cli) -> None:
    assert cli("user", "claims", "nobody").code == 1
