"""A shell with `lingpai dev` beside it, in which the documentation's commands run."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.docs.blocks import Command, matches
from tests.prepare import NODE

BIN = Path(sys.executable).parent
START_SECONDS = 60.0
PAGE_SECONDS = 240.0


def surroundings() -> dict[str, str]:
    """The environment of somebody who has set nothing of ours, and has installed the SDKs that the pages name."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LINGPAI_", "PROMETHEUS_"))
    }
    return kept | {
        "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "LC_ALL": "C.UTF-8",
        "NODE_PATH": str(NODE / "node_modules"),
    }


@contextlib.contextmanager
def developing(folder: Path, log: Path) -> Iterator[None]:
    """`lingpai dev` on free ports with its data in `folder/.lingpai`; its log lines go to `log`."""
    arguments = ["dev", "--port", "0", "--sandbox-port", "0", "--data", str(folder / ".lingpai")]
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [str(BIN / "lingpai"), *arguments],
            cwd=folder,
            env=surroundings(),
            stdout=subprocess.DEVNULL,
            stderr=lines,
        )
    try:
        _wait(process, folder / ".lingpai" / "dev.json")
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait(process: "subprocess.Popen[bytes]", described: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        assert process.poll() is None, "lingpai dev has ended"
        with contextlib.suppress(OSError, ValueError):
            url = json.loads(described.read_text("utf-8"))["url"]
            with urllib.request.urlopen(f"{url}/health/live", timeout=5):
                return
        time.sleep(0.05)
    raise TimeoutError("lingpai dev did not answer")


def run(commands: Sequence[Command], folder: Path) -> list[str]:
    """Type the commands into one shell; what each printed, in order.

    Raises:
        AssertionError: one failed, or printed something else than its page tells.
    """
    steps = "".join(
        f"{{ {each.text}\n}} >{index}.out 2>{index}.err || exit 1\ntouch {index}.done\n"
        for index, each in enumerate(commands)
    )
    subprocess.run(["bash", "-c", steps], cwd=folder, env=surroundings(), timeout=PAGE_SECONDS, check=False)
    printed = []
    for index, each in enumerate(commands):
        out, err = folder / f"{index}.out", folder / f"{index}.err"
        seen = out.read_text("utf-8") if out.exists() else ""
        said = err.read_text("utf-8") if err.exists() else ""
        assert (folder / f"{index}.done").exists(), f"$ {each.text}\nfailed:\n{seen}{said}"
        assert not each.expected or matches(each.expected, seen), (
            f"$ {each.text}\nprinted:\n{seen}\ninstead of:\n{each.expected}"
        )
        printed.append(seen)
    return printed
