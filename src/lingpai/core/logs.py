"""The one place that imports structlog: without what it would load merely because that is installed.

structlog imports rich for tracebacks on terminals, which `edge.logs` replaces, and greenlet for a kind of context
that nothing here has: 4 MiB of each worker's memory, for nothing.
"""

import sys
from types import ModuleType

_UNUSED = ("rich", "greenlet")


def _import_lean() -> ModuleType:
    hidden: dict[str, None] = {name: None for name in _UNUSED if name not in sys.modules}
    # None says "not installed" (language reference, "The import system").
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        import structlog  # noqa: PLC0415  only now are they hidden
    finally:
        for name in hidden:
            del sys.modules[name]
    return structlog


_import_lean()

import structlog  # noqa: E402  as it was just loaded

__all__ = ["structlog"]
