"""`lingpai serve` as a process: SIGHUP does not end it, and its limit of open files is raised."""

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def serving(data: Path, workers: int) -> Iterator["tuple[subprocess.Popen[str], IO[str]]"]:
    lingpai = Path(sys.executable).with_name("lingpai")
    command = f"ulimit -Sn 256; exec {lingpai} serve --port 0 --workers {workers} --data {data}"
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stderr=subprocess.PIPE,
        text=True,
        cwd=data.parent,
    )
    assert process.stderr is not None
    try:
        yield process, process.stderr
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _line_with(lines: IO[str], word: str) -> str:
    for line in lines:
        if word in line:
            return line
    raise AssertionError(f"the process ended without {word}")


def test_a_hangup_ends_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "data", 1) as (process, lines):
        found = re.search(r"http://[\d.:]+", _line_with(lines, '"serving"'))
        assert found
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            assert "standard error" in _line_with(lines, "hangup_ignored")
        with urllib.request.urlopen(f"{found[0]}/health/live", timeout=30) as answer:
            assert answer.status == 200
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        allowed = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits)
        assert allowed
        assert int(allowed[1]) == min(int(allowed[2]), 65_536)
    assert process.returncode == 0


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_workers_read_the_settings_again_at_a_hangup(tmp_path: Path) -> None:
    settings = tmp_path / "lingpai.toml"
    settings.write_text('[realms.shop]\ndialect = "mall"\nprefix = "/before"\n')
    with serving(tmp_path / "data", 2) as (process, lines):
        found = re.search(r"http://[\d.:]+", _line_with(lines, '"serving"'))
        assert found
        openid = f"{found[0]}/{{}}/v1/oauth2/getOpenId?access_token=none"
        assert _status(openid.format("after")) == 404
        settings.write_text("port = 1\nnonsense = 2\n")
        process.send_signal(signal.SIGHUP)
        assert "nonsense" in _line_with(lines, "reload_refused")
        settings.write_text(
            'unix_socket = "other.sock"\n[realms.shop]\ndialect = "mall"\nprefix = "/after"\n'
        )
        process.send_signal(signal.SIGHUP)
        assert '["unix_socket"]' in _line_with(lines, "settings_need_a_restart")
        _line_with(lines, '"reloaded"')
        assert _status(openid.format("after")) != 404
        assert _status(openid.format("before")) == 404
    assert process.returncode == 0
