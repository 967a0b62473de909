"""Names that nobody outside can own, and those that an operator lists."""

import pytest

from lingpai.core.hosts import Hosts, is_valid_host

LISTED = Hosts(["lingpai.internal", ".svc.cluster.local", "Tokens.Example."])


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8000", "10.2.3.4:80", "[::1]", "[::1]:8000", "[::ffff:127.0.0.1]:1"),
        *("localhost", "LOCALHOST:8000", "localhost.", "app.localhost:3000"),
        *("keeper", "keeper:8000", "token_hub", "lingpai-1"),
        *("lingpai.internal", "Lingpai.Internal:443", "lingpai.internal.", "tokens.example"),
        *("hub.prod.svc.cluster.local:80",),
    ],
)
def test_names_that_are_ours(host: str) -> None:
    assert LISTED.includes(host)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:8000",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil.",
            "ai.:80",
        ),
        *(
            "10.0.0.1.nip.io",
            "evillingpai.internal",
            "svc.cluster.local",
            "x.lingpai.internal",
            "notlocalhost.x",
        ),
        *(
            "",
            ":80",
            "a b",
            "127.0.0.1:evil",
            "127.0.0.1@evil.example",
            "[::1].evil.example",
            "[zz]",
            "1.2.3",
            "-x",
        ),
    ],
)
def test_names_that_anybody_may_own(host: str) -> None:
    assert not LISTED.includes(host)
    assert not LISTED.includes(None)


def test_without_a_list_only_what_nobody_can_own_is_ours() -> None:
    assert Hosts().includes("keeper")
    assert not Hosts().includes("lingpai.internal")


@pytest.mark.parametrize("value", [b"", b"a", b"a.b:80", b"[::1]:80", b"a:", b"1.2.3.4"])
def test_what_a_host_line_may_hold(value: bytes) -> None:
    assert is_valid_host(value)


@pytest.mark.parametrize(
    "value", [b"a b", b"a,b", b"a@b", b"a/b", b"a?b", b"a#b", b"a\\b", b"[::1", b"a:b", b"\xff", b"a:123456"]
)
def test_what_a_host_line_may_not_hold(value: bytes) -> None:
    assert not is_valid_host(value)
