"""Who is calling, when proxies stand before us (G69)."""

from ipaddress import ip_network

import pytest

from lingpai.edge.options import EdgeOptions
from lingpai.edge.peers import walk_back
from tests.edge.running_edge import Edge, app_of, running

OURS = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "hops", "expected"),
    [
        ("203.0.113.7", ["1.1.1.1"], "203.0.113.7"),
        ("10.0.0.1", [], ""),
        ("10.0.0.1", [""], ""),
        ("10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6", "1.1.1.1", "10.0.0.2"], "1.1.1.1"),
        ("10.0.0.1", ["10.0.0.9, 10.0.0.2"], ""),
        ("10.0.0.1", ["127.0.0.1"], ""),
        ("10.0.0.1", ["6.6.6.6, unknown"], ""),
        ("10.0.0.1", ["6.6.6.6", "unknown"], ""),
        ("10.0.0.1", ["6.6.6.6, , 10.0.0.2"], ""),
        ("10.0.0.1", ["203.0.113.9,"], ""),
        ("10.0.0.1", ["203.0.113.9", ""], ""),
        ("10.0.0.1", ["unix:"], ""),
        ("10.0.0.1", ["_hidden"], ""),
        ("10.0.0.1", ["unknown, 1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["1.1.1.1:evil"], ""),
        ("10.0.0.1", ["1.1.1.1:99999"], ""),
        ("10.0.0.1", ["[2001:db8::1"], ""),
        ("10.0.0.1", ["[2001:db8::1]x"], ""),
        ("10.0.0.1", ["[1.1.1.1]"], ""),
        ("10.0.0.1", ["\xa01.1.1.1"], ""),
        ("10.0.0.1", ["0.0.0.0"], ""),
        ("10.0.0.1", ["::"], ""),
        ("10.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        ("10.0.0.1", ["2001:db8::1%eth0"], ""),
        ("fe80::9%eth0", ["1.1.1.1"], "fe80::9"),
        ("10.0.0.1", ["1.1.1.1:5678"], "1.1.1.1"),
        ("10.0.0.1", ["[2001:db8::1]:99, fd00::2"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:1.1.1.1"], "1.1.1.1"),
        ("", ["1.1.1.1"], ""),
        ("unix", ["1.1.1.1"], ""),
    ],
)
@pytest.mark.threat("G69")
def test_walks_back_only_over_trusted_hops(peer: str, hops: list[str], expected: str) -> None:
    assert walk_back(peer, hops, OURS) == expected


FORGED = (
    ("x-forwarded-for", "6.6.6.6"),
    ("forwarded", "for=6.6.6.6;host=evil;proto=https"),
    ("x-real-ip", "6.6.6.6"),
    ("x-forwarded-host", "evil"),
)


@pytest.mark.threat("G69")
async def test_nobody_is_believed_by_default(edge: Edge) -> None:
    assert (await edge.get("/call", *FORGED)).json["data"]["peer"] == "127.0.0.1"


@pytest.mark.threat("G69")
async def test_a_trusted_proxy_is_believed_in_one_header_only() -> None:
    async with running(app_of(EdgeOptions(trusted_proxies=OURS))) as edge:
        assert (await edge.get("/call", *FORGED)).json["data"]["peer"] == "6.6.6.6"
        assert (await edge.get("/call", *FORGED[1:])).json["data"]["peer"] == ""
