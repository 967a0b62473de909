"""Import structlog without the optional packages that it loads when they are installed.

structlog imports rich for tracebacks on terminals, which `edge.logs` replaces, and greenlet for a kind of context
that is not used here: 4 MiB of each worker's memory. All other modules import structlog from here.
"""

import sys
from types import ModuleType

_UNUSED = ("rich", "greenlet")


def _import_lean() -> ModuleType:
    hidden: dict[str, None] = {name: None for name in _UNUSED if name not in sys.modules}
    # None means "not installed" (language reference, "The import system").
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        import structlog  # noqa: PLC0415, TID251  only now are they hidden
    finally:
        for name in hidden:
            del sys.modules[name]
    return structlog


_import_lean()

import structlog  # noqa: E402, TID251  as it was just loaded

__all__ = ["structlog"]
