"""Where the bench finds and keeps its files."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = HERE / ".cache"
SCRIPTS = HERE / "scripts"
REFERENCES = HERE / "references"
LATEST = HERE / "latest.json"
SAMPLES = CACHE / "samples.json"
