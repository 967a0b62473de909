import pytest

from lingpai.core.networks import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.5", "192.0.2.5"),
        ("::ffff:192.0.2.5", "192.0.2.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("*", "*"),
        ("", ""),
    ],
)
def test_an_ipv6_subscriber_is_one_caller(address: str, network: str) -> None:
    assert network_of(address) == network


def test_neighbouring_networks_differ() -> None:
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    assert network_of("192.0.2.5") != network_of("192.0.2.6")
