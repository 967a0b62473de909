"""`lingpai serve` on a Unix socket, with TLS, and on sockets that systemd passes."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lingpai.sandbox import SAMPLE_APP
from tests.helpers.certificates import make_certificate
from tests.helpers.sandbox import running_sandbox
from tests.strength.services import Service, ending

TOKEN = f"/AccessToken/getXcx?appid={SAMPLE_APP.appid}"
SECRET = {f"THIRD_APPID_{SAMPLE_APP.appid}": SAMPLE_APP.secret}


class UnixConnection(http.client.HTTPConnection):
    """A connection by a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(connection: http.client.HTTPConnection, path: str, **headers: str) -> Any:
    connection.request("GET", path, headers={name.replace("_", "-"): each for name, each in headers.items()})
    return json.loads(connection.getresponse().read())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_unix_socket_is_served_and_removed(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "s"
    settings: dict[str, Any] = {
        "UNIX_SOCKET": path,
        "EDGE__TRUSTED_PROXIES": '["unix:"]',
        "KEEPER__TRUSTED_NETWORKS": '["192.0.2.0/24"]',
    }
    with running_sandbox() as upstream:
        service = Service(tmp_path / "data", upstream, workers=workers, extra=SECRET, **settings)
        with ending(service):
            service.wait_ready(workers)
            connection = UnixConnection(path)
            assert ask(connection, "/health/live") == {"live": True}
            assert ask(connection, TOKEN, X_Forwarded_For="192.0.2.7")["code"] == 0
            assert ask(connection, TOKEN, X_Forwarded_For="192.0.2.7, 203.0.113.9")["code"] == 403
            assert ask(connection, TOKEN)["code"] == 403  # it is in no network
            connection.close()
            assert service.stop() == 0
        assert not path.exists()


def test_a_unix_socket_without_that_setting_names_no_client(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with running_sandbox() as upstream:
        service = Service(tmp_path / "data", upstream, extra=SECRET, UNIX_SOCKET=path)
        with ending(service):
            service.wait_ready(1)
            connection = UnixConnection(path)
            assert ask(connection, TOKEN, X_Forwarded_For="127.0.0.1")["code"] == 403
            connection.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_tls_is_served_and_its_certificate_replaced_without_a_restart(tmp_path: Path, workers: int) -> None:
    certificate, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    make_certificate(certificate, key)
    with running_sandbox() as upstream:
        service = Service(
            tmp_path / "data", upstream, workers=workers, TLS__CERTIFICATE=certificate, TLS__KEY=key
        )
        with ending(service):
            service.wait_ready(workers)
            port = int(service.url.rpartition(":")[2])
            assert service.url == f"https://127.0.0.1:{port}"
            assert live(port, certificate) == {"live": True}
            make_certificate(certificate, key)
            while service.heard["certificate_read"] < workers:
                assert service.process.poll() is None
                service.send(signal.SIGHUP)  # ends nothing
                live(port, None)
            for _ in range(8):  # whichever worker answers
                assert live(port, certificate) == {"live": True}


def live(port: int, trusted: Path | None) -> Any:
    """Ask whether it lives, by TLS; any certificate will do when `trusted` is None."""
    context = ssl.create_default_context(cafile=str(trusted) if trusted else None)
    if trusted is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
    with contextlib.closing(connection):
        return ask(connection, "/health/live")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="no systemd-socket-activate")
def test_sockets_of_systemd_are_served(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "s"
    command = ["systemd-socket-activate", "--listen", str(path), "-E", f"LINGPAI_DATA={tmp_path / 'data'}"]
    command += ["-E", f"PATH={os.environ['PATH']}", "-E", f"LINGPAI_WORKERS={workers}"]
    command += [str(Path(sys.executable).with_name("lingpai")), "serve"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert "Listening" in process.stderr.readline()
            connection = UnixConnection(path)  # its service starts now
            assert ask(connection, "/health/live") == {"live": True}
            connection.close()
        finally:
            process.terminate()
            said = process.communicate(timeout=60)[1]
        assert process.returncode == 0, said
    assert f"unix:{path}" in said


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"UNIX_SOCKET": "taken"}, "a file that is not a socket is there: taken"),
        ({"TLS__CERTIFICATE": "absent.pem", "TLS__KEY": "absent.key"}, "absent.pem"),
        ({"TLS__CERTIFICATE": "taken"}, "go together"),
    ],
)
def test_what_cannot_be_served_is_one_line(tmp_path: Path, settings: dict[str, str], problem: str) -> None:
    (tmp_path / "taken").write_text("precious")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "LINGPAI_PORT": "0"}
    environment |= {f"LINGPAI_{name}": value for name, value in settings.items()}
    command = [str(Path(sys.executable).with_name("lingpai")), "serve"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "taken").read_text() == "precious"
