"""What is installed to serve has what the code imports, and nothing that only development needs."""

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
GUARDED = """
import importlib.abc, pkgutil, sys
from pathlib import Path
missing = set(sys.argv[1].split())
class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"{name} is not installed", name=name)
sys.meta_path.insert(0, Guard())
import lingpai
for each in pkgutil.walk_packages(lingpai.__path__, "lingpai."):
    if not each.name.endswith("__main__"):
        __import__(each.name)
from lingpai.cli import main
sys.argv = ["lingpai", "doctor", "--offline", "--json"]
main()
"""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(name: str) -> dict[str, str]:
    found = PIN.findall((ROOT / name).read_text("utf-8"))
    return {canonical(package): version for package, version in found}


def imported() -> Iterator[str]:
    """Every package that the code imports anywhere, also within functions."""
    for path in (ROOT / "src" / "lingpai").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from (each.name.partition(".")[0] for each in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module.partition(".")[0]


def test_what_the_code_imports_is_pinned_to_run() -> None:
    packages = importlib.metadata.packages_distributions()
    run = pins("constraints-run.txt")
    foreign = {name for name in imported() if name not in sys.stdlib_module_names and name != "lingpai"}
    assert {"aiohttp", "apsw", "asyncpg", "redis"} <= foreign
    assert [
        name for name in foreign if not {canonical(each) for each in packages.get(name, [])} & set(run)
    ] == []


def test_what_runs_is_what_is_tested_and_development_stays_at_home() -> None:
    run, every = pins("constraints-run.txt"), pins("constraints.txt")
    assert {name: every.get(name) for name in run} == run
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {
        *project["project"]["dependencies"],
        *chain(*project["project"]["optional-dependencies"].values()),
    }
    names = {canonical(re.split(r"[>=<\[;]", each)[0]) for each in wanted}
    assert names <= set(run)
    develop = {
        canonical(re.split(r"[>=<\[;]", each)[0]) for each in project["dependency-groups"]["dev"]
    } - names
    assert {"pytest", "playwright", "mypy"} <= develop
    assert develop.isdisjoint(run)
    assert len(run) < len(every) / 1.5


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-run.txt", "constraints-build.txt"])
def test_each_pin_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in each for each in entries)
    assert "://" not in text
    assert "index" not in text


def test_the_service_starts_with_what_is_installed_to_run(tmp_path: Path) -> None:
    """Everything else that is installed here is hidden from a process that imports all modules and runs the doctor."""
    run = set(pins("constraints-run.txt")) | {"lingpai"}
    packages = importlib.metadata.packages_distributions()
    hidden = [name for name, owners in packages.items() if not {canonical(each) for each in owners} & run]
    assert {"pytest", "playwright", "hypothesis"} <= set(hidden)
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, " ".join(hidden)],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "There is no store yet" in done.stdout


def test_image_and_install_take_only_what_runs() -> None:
    image = (ROOT / "Dockerfile").read_text("utf-8")
    assert "constraints-run.txt" in image
    assert not re.search(r"(?<![\w-])constraints\.txt", image)
    assert re.findall(r"^FROM (\S+)", image, re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    assert "make install" in (ROOT / "docs" / "how-to" / "production.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_the_unit_is_closed(tmp_path: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager",
         str(ROOT / "deploy" / "lingpai.service")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.mark.parametrize(
    "line",
    ["CapabilityBoundingSet=", "LimitCORE=0", "LimitNOFILE=65536", "ProtectProc=invisible", "MemoryMax=2G"],
)  # fmt: skip
def test_the_unit_says_so(line: str) -> None:
    assert line in (ROOT / "deploy" / "lingpai.service").read_text("utf-8").splitlines()
