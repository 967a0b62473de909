"""`lingpai serve` as a process, for as long as a test needs it."""

import contextlib
import re
import signal
import subprocess
import threading
from collections.abc import Iterator

from tests.cli.conftest import COMMAND, Cli


@contextlib.contextmanager
def serving(cli: Cli) -> Iterator[str]:
    """Serve on a free port with the command line's settings; gives the address."""
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"],
        env=cli.environment(),
        cwd=cli.home,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        found, said = None, ""
        for line in process.stderr:
            said += line
            if '"serving"' in line:
                found = re.search(r"http://[\d.:]+", line)
                break
        assert found, said
        drained = threading.Thread(target=process.stderr.read)
        drained.start()
        yield found[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        drained.join()
