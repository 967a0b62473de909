"""Standard streams that the command was started without, as by `>&-`."""

import os
import sys
from pathlib import Path

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_closed_streams() -> None:
    """Open /dev/null for closed standard streams: the next opened file would get their number otherwise."""
    nowhere = Path(os.devnull)
    for name, mode in STREAMS:
        if getattr(sys, name) is None:
            setattr(sys, name, nowhere.open(mode, encoding="utf-8"))
