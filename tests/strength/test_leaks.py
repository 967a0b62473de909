"""The check that runs after the whole suite, `tests/helpers/leaks.py`, can fail: planted secrets are found (G71)."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.leaks import Registry, leaks_in

TOKEN = "57_AbCdEf-0123456789_ghIJkl"
SESSION_KEY = base64.b64encode(bytes(range(240, 256))).decode()

LEAKY = """
import structlog
from lingpai.core.keyring import KeyRing
from lingpai.core.seals import Digester

def test_that_logs(tmp_path):
    ring = KeyRing.open_or_create(tmp_path / "ring.json", 0)
    Digester(ring, "caller key")("{secret}")
    structlog.get_logger().warning("careless", kind="{logged}")
"""


def planted(folder: Path, line: str, *secrets: str) -> list[str]:
    registry = Registry(folder)
    for secret in secrets:
        registry.saw(secret)
    registry.wrote(line)
    registry.close()
    return leaks_in(folder)


@pytest.mark.parametrize("secret", [TOKEN, SESSION_KEY])
@pytest.mark.parametrize("line", ["{}", "GET /x?access_token={}&y=1", '{{"event": "got {}."}}', "a{}b"])
def test_a_planted_secret_is_found(tmp_path: Path, secret: str, line: str) -> None:
    assert len(planted(tmp_path, "nothing\n" + line.format(secret), secret)) == 1


def test_a_secret_in_a_url_is_found_as_it_is_written_there(tmp_path: Path) -> None:
    assert "/" in SESSION_KEY
    escaped = SESSION_KEY.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D")
    assert planted(tmp_path, f"/x?session_key={escaped}", SESSION_KEY)


@pytest.mark.parametrize(
    "line", ["[redacted 1f2e3d4c]", TOKEN[:20], TOKEN.lower(), f'{{"trace_id": "{TOKEN}"}}', ""]
)
def test_what_is_no_secret_is_not_found(tmp_path: Path, line: str) -> None:
    assert planted(tmp_path, line, TOKEN, "short", "without-any-digit") == []


def test_a_service_process_is_searched(tmp_path: Path) -> None:
    (tmp_path / "service-1-0.log").write_text(f"one\ntwo {TOKEN}\n", "utf-8")
    assert planted(tmp_path, "", TOKEN) == [f"service-1-0.log:2: {TOKEN[:6]}…"]


@pytest.mark.parametrize(("logged", "status", "processes"), [(TOKEN, 1, 0), (TOKEN, 1, 2), ("nothing", 0, 0)])
def test_a_suite_that_leaks_fails(tmp_path: Path, logged: str, status: int, processes: int) -> None:
    test = tmp_path / "test_leaky.py"
    test.write_text(LEAKY.format(secret=TOKEN, logged=logged), "utf-8")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.helpers.leaks", "-p", "no:cacheprovider", "-n"),
            *(str(processes), "--basetemp", str(tmp_path / "base"), "--rootdir", str(tmp_path), str(test)),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert ("secrets in logs" in done.stdout) is bool(status)
    assert "1 passed" in done.stdout
