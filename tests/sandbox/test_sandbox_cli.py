import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import typer
from typer.testing import CliRunner

from lingpai.cli.sandbox import sandbox
from tests.helpers.platforms import credentials

RUN = "import typer; from lingpai.cli.sandbox import sandbox; typer.run(sandbox)"


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(sandbox)
    return app


def test_it_serves_with_the_lifetimes_given_and_stops_on_a_signal(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        RUN,
        "--port",
        "0",
        "--state",
        str(tmp_path / "s.db"),
        "--token-lifetime",
        "50",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        answer = requests.get(f"{url}/cgi-bin/token", params=credentials(), timeout=10)
        assert answer.json()["expires_in"] == 50
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in {0, -signal.SIGTERM}
    assert (tmp_path / "s.db").exists()


def test_a_senseless_option_is_explained(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--token-lifetime", "0"])
    assert result.exit_code == 2
    assert "every lifetime must be more than 0 seconds" in result.output


def test_a_taken_port_is_explained(app: typer.Typer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(app, ["--port", port])
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.output


def test_a_state_that_is_none_is_explained(app: typer.Typer, tmp_path: Path) -> None:
    state = tmp_path / "notes.txt"
    state.write_text("not a database, but long enough to be looked at " * 20)
    result = CliRunner().invoke(app, ["--port", "0", "--state", str(state)])
    assert result.exit_code == 1
    assert "is no state of this sandbox" in result.output
