"""A worker's memory: at most 80 MiB resident, and nothing in it that only the command line needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.strength.harness import APP, XCX, open_harness
from tests.strength.services import ending

MOST_MIB = 80
UNUSED = {"typer", "rich", "pygments", "greenlet", "aiohttp"}


def _family(pid: int) -> list[int]:
    """A process and its children."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return [pid, *children]


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_stays_within_its_memory(own_folder: Path, workers: int) -> None:
    with open_harness(own_folder) as harness:
        harness.add(APP)
        service = harness.serve(workers=workers)
        with ending(service):
            for _ in range(200):
                assert service.ask(XCX)[0] == 200
            sizes = {pid: _resident_mib(pid) for pid in _family(service.process.pid)}
    assert len(sizes) >= workers
    assert max(sizes.values()) <= MOST_MIB, sizes


def test_a_server_loads_nothing_that_only_the_command_line_needs() -> None:
    program = (
        "import sys, lingpai.cli, lingpai.cli.server, lingpai.serving\n"
        f"print(sorted({UNUSED!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
