"""Python runs this at its start when this folder is on its path: the wall clock of a machine that is set wrong."""

import os
import time

_right = time.time
_wrong = float(os.environ["NODES_SKEW"])


def _shown() -> float:
    return _right() + _wrong


time.time = _shown
