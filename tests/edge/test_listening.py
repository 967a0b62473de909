"""Sockets to listen on: a Unix socket and its file, and what a service manager passes."""

import os
import socket
import stat
from pathlib import Path

import pytest

from lingpai.edge.listening import bind, bound_unix, passed_sockets, port_of, url_of


def test_a_unix_socket_is_for_owner_and_group_and_its_file_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lingpai.sock"
    with bound_unix(path) as bound:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert url_of(bound) == f"unix:{path}"
        assert port_of([bound], 8000) == 8000
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert not path.exists()


def test_a_file_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "lingpai.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with bound_unix(path) as bound:
        assert bound.getsockname() == str(path)


def test_another_process_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "lingpai.sock"
    with bound_unix(path):
        with pytest.raises(OSError, match="another process listens") as failed, bound_unix(path):
            pass
        assert failed.value.filename == str(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_other_files_are_not_removed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "lingpai.sock"
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "precious")
    with pytest.raises(FileExistsError), bound_unix(path):
        pass
    assert os.path.lexists(path)


def test_the_file_of_a_successor_stays(tmp_path: Path) -> None:
    path = tmp_path / "lingpai.sock"
    with bound_unix(path):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(str(path))
    assert path.exists()


def test_no_folder_is_an_error_that_names_the_path(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "lingpai.sock"
    with pytest.raises(OSError, match="No such file") as failed, bound_unix(path):
        pass
    assert failed.value.filename is None or str(path) in str(failed.value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "-1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x", "LISTEN_FDNAMES": "a"},
    ],
)
def test_sockets_for_another_process_are_not_taken(environment: dict[str, str]) -> None:
    assert passed_sockets(environment) == []
    assert environment == {}


def test_a_tcp_sockets_port_is_known() -> None:
    with bind("127.0.0.1", 0) as bound:
        assert port_of([bound], 1) == bound.getsockname()[1]
        assert url_of(bound, "https").startswith("https://127.0.0.1:")
