"""The virtual environment of the references, apart from Lingpai's own."""

import hashlib
import subprocess
import sys
from pathlib import Path

from bench.places import CACHE, HERE

_REQUIREMENTS = HERE / "requirements.txt"
_VENV = CACHE / "venv"


def python() -> Path:
    """The interpreter of the environment."""
    return _VENV / "bin" / "python"


def prepare() -> None:
    """Make the environment, or bring it up to date with ``bench/requirements.txt``.

    Raises:
        RuntimeError: pip failed; the text is what it said.
    """
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    stamp = _VENV / "ready"
    if stamp.exists() and stamp.read_text("ascii") == wanted:
        return
    CACHE.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(_VENV)], check=True)
    pip = [str(python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "-r", str(_REQUIREMENTS)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pip failed: {done.stderr.strip()[-1000:]}")
    stamp.write_text(wanted, "ascii")
