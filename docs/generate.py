"""Writes `docs/reference/` and `docs/schema/` from the code: `python -m docs.generate`, or the reference into a FOLDER.

What comes out depends on the code alone: neither on settings in the environment or in files, nor on the locale.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from docs.generator import commands, errors, figures, metrics, routes, sandbox, scaling, schema, settings

REFERENCE = Path(__file__).parent / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings.page,
    "routes.md": routes.page,
    "admin-api.md": routes.admin_page,
    "commands.md": commands.page,
    "commands.zh-CN.md": commands.page_in_chinese,
    "errors.md": errors.page,
    "metrics.md": metrics.page,
    "sandbox.md": sandbox.page,
    "figures.md": figures.page,
    "scaling.md": scaling.page,
}


def main(folder: Path) -> None:
    """Write every page into `folder`, and remove pages there that nothing writes any more."""
    target = folder.absolute()
    target.mkdir(parents=True, exist_ok=True)
    _forget_surroundings()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)  # no .env and no lingpai.toml of whoever runs this
        texts = {name: make() for name, make in PAGES.items()}
        os.chdir(target)
    for name, text in texts.items():
        (target / name).write_text(text, "utf-8")
    for stale in set(target.glob("*.md")) - {target / name for name in texts}:
        stale.unlink()


def _forget_surroundings() -> None:
    for name in list(os.environ):
        if name.startswith(("LINGPAI_", "THIRD_APPID_", "PROMETHEUS_", "LC_", "LANG")):
            del os.environ[name]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        main(REFERENCE)
        schema.main()
