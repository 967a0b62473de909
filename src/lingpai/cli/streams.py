"""Standard streams that the command was started without, as by `>&-`."""

import os
import sys
from pathlib import Path

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_closed_streams() -> None:
    """Let what is closed lead nowhere: Python has None for it, and its number would go to the next file opened."""
    nowhere = Path(os.devnull)
    for name, mode in STREAMS:
        if getattr(sys, name) is None:
            setattr(sys, name, nowhere.open(mode, encoding="utf-8"))
