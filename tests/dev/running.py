"""`lingpai dev` as a process of its own on free ports, as somebody starts it who has set nothing."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

BIN = Path(sys.executable).parent
START_SECONDS = 60


class Dev(NamedTuple):
    """A running `lingpai dev`: the content of `dev.json`, the lines printed until it was ready, and its data folder."""

    described: dict[str, Any]
    printed: list[str]
    data: Path

    @property
    def url(self) -> str:
        return str(self.described["url"])

    @property
    def calls(self) -> list[str]:
        """The calls to paste."""
        return [line for line in self.printed if re.match(r"curl |[A-Z]=\$\(", line)]


@contextlib.contextmanager
def developing(folder: Path, **settings: str) -> Iterator[Dev]:
    """Run it with its data in `folder/data` while the block runs."""
    arguments = ["dev", "--port", "0", "--sandbox-port", "0", "--data", str(folder / "data")]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LINGPAI_", "PROMETHEUS_"))
    }
    with (folder / "dev.log").open("ab") as log:
        process = subprocess.Popen(
            [str(BIN / "lingpai"), *arguments],
            cwd=folder,
            env={**kept, "LC_ALL": "C.UTF-8", **settings},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        printed: list[str] = []
        for line in process.stdout:
            printed.append(line.rstrip("\n"))
            if "Ctrl-C" in line:
                break
        else:
            raise RuntimeError((folder / "dev.log").read_text("utf-8"))
        watchdog.cancel()
        yield Dev(json.loads((folder / "data" / "dev.json").read_text("utf-8")), printed, folder / "data")
    finally:
        watchdog.cancel()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def paste(call: str) -> str:
    """What a call prints in a shell."""
    done = subprocess.run(
        ["bash", "-c", call], capture_output=True, text=True, timeout=30, check=True, env=_with_our_python()
    )
    return done.stdout


def _with_our_python() -> dict[str, str]:
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
