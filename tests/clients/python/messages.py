"""How the scripts in this folder get what to do, and answer with the result."""

import json
import sys
from pathlib import Path
from typing import Any


def read_wanted() -> dict[str, Any]:
    """What the test wants: the JSON object on standard input."""
    wanted: dict[str, Any] = json.load(sys.stdin)
    return wanted


def answer(**found: Any) -> None:
    """Answer the test: a JSON object on standard output."""
    json.dump(found, sys.stdout)


def answer_with_version(**found: Any) -> None:
    """Answer the test, also from which folder wechatpy came."""
    import wechatpy

    answer(**found, version=wechatpy.__version__, home=str(Path(wechatpy.__file__).parent))
