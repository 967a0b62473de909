"""More connections than descriptors: the service answers others, and reaches store and platforms."""

import contextlib
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.strength.harness import QYAPI, open_harness, token_of
from tests.strength.services import ending

HELD = 320
DESCRIPTORS = 256
READY = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("speaks", [True, False])
def test_idle_lines_beyond_the_descriptors_keep_nobody_out(tmp_path: Path, speaks: bool) -> None:
    with open_harness(tmp_path / "data") as harness, contextlib.ExitStack() as stack:
        service = harness.serve(descriptors=DESCRIPTORS)
        stack.enter_context(ending(service))
        where = urlsplit(service.url)
        for _ in range(HELD):
            line = stack.enter_context(socket.create_connection((where.hostname or "", where.port or 0), 10))
            if speaks:
                line.sendall(READY)
                assert line.recv(65536).startswith(b"HTTP/1.1 200")
        before = harness.calls()
        token = token_of(service.ask(QYAPI))
        assert harness.calls() > before
        assert harness.lives(token)
        for _ in range(20):
            assert service.ask("/health/ready")[0] == 200
        assert service.heard["connections_full"] == 1
        assert service.heard["descriptors_exhausted"] == 0
        assert service.stop() == 0
