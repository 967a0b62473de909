"""A push client that keeps the platform's address, and posts for its token: its name is led to Lingpai."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients.running import Clients
from tests.clients.stack import Stack
from tests.helpers.certificates import make_certificate
from tests.helpers.proxy import proxying_in_thread

QYAPI = "qyapi.weixin.qq.com"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for the platform's name by an authority of the company's own: itself."""
    file = tmp_path / "certificate.pem"
    make_certificate(file, tmp_path / "key.pem", QYAPI)
    return file


@pytest.fixture
def extras(certificate: Path) -> dict[str, Any]:
    tls = {"certificate": certificate, "key": certificate.with_name("key.pem")}
    return {"tls": tls, "edge": {"hosts": [QYAPI]}}


def test_msgqywx(stack: Stack, clients: Clients, certificate: Path) -> None:
    corpid = stack.samples.corpid
    known = stack.control("codes", {"account": corpid, "user": "bob"})
    wanted = {
        "account": corpid,
        "secret": stack.samples.phantom_key,
        "agentid": 1_000_002,
        "userid": known["userid"],
    }
    here = ("127.0.0.1", int(stack.url.rpartition(":")[2]))
    with proxying_in_thread({(QYAPI, 443): here}) as proxy:
        found = clients.msgqywx(
            "run_msgqywx",
            wanted,
            HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}",
            REQUESTS_CA_BUNDLE=str(certificate),
        ).found()
    assert set(proxy.asked) == {f"CONNECT {QYAPI}:443"}
    assert [sent["errcode"] for sent in found["sent"]] == [0, 0]
    assert stack.control("calls", path="/cgi-bin/message/send")["total"] == 2
    assert stack.fetches(corpid) == 2  # one for each of the corp's apps, when Lingpai started
    assert not stack.control("valid", access_token=found["token"])["valid"]
