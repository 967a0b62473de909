"""The process that `lingpai serve` becomes, without the command line's own libraries: 3 MiB for as long as it runs.

`python -P -m lingpai.cli.server OPTIONS`, where OPTIONS is a JSON object of settings. It is named so that the
processes that multiprocessing spawns, which run this module again, find next to nothing to import.
"""

import functools
import json
import os
import sys
from typing import Any, NoReturn

from lingpai.cli.streams import open_closed_streams


def become_server(**options: Any) -> NoReturn:
    """Replace this process by the server, under the same process id.

    Args:
        options: settings from the command line; None for what was not given.

    Raises:
        OSError: the interpreter cannot be started anew.
    """
    # -P: a file of the working directory must not replace a module.
    command = [sys.executable, "-P", "-m", "lingpai.cli.server", json.dumps(options, default=str)]
    os.execv(sys.executable, command)  # noqa: S606  without a shell


def _serve(options: dict[str, Any]) -> int:
    from lingpai.serving import serve_production
    from lingpai.settings import load_settings

    settings = load_settings(**options)
    try:
        return serve_production(settings, functools.partial(load_settings, **options))
    except OSError as error:
        from lingpai.messages.problems import demand_other_address

        demand_other_address(error, settings.host, settings.port)
        raise


def main() -> int:
    """Serve with the options of `become_server`; returns the exit code, as `root.Root` has them."""
    open_closed_streams()
    try:
        return _serve(json.loads(sys.argv[1]))
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  printed as one line, or raised again
        from lingpai.cli.root import report

        return report(error)


if __name__ == "__main__":
    sys.exit(main())
