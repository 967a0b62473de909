"""The scripts as they are served."""

import hashlib
from importlib.resources import files


def _read(name: str) -> tuple[bytes, str]:
    content = (files(__package__) / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:16]


BRIDGE, _bridge_digest = _read("yzb-bridge.js")
WINDOW, _window_digest = _read("window.js")
BRIDGE_TAG = f'"{_bridge_digest}"'
WINDOW_NAME = f"window.{_window_digest}.js"
