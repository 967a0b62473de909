"""Where the system's Chromium is, and how it is run: quietly, and without asking anybody outside."""

import shutil

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The path of Chromium.

    Raises:
        FileNotFoundError: there is none; `tests/prepare.py` gets it.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise FileNotFoundError("no Chromium here: run tests/prepare.py")
    return found
