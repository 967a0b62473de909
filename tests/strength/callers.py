"""Callers that never stop asking, and hold every answer against the upstream."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

from tests.strength.harness import Harness, token_of
from tests.strength.services import ask

PAUSE = 0.03


class Caller:
    """Asks one URL again and again until it is stopped.

    Args:
        harness: where the tokens come from.
        url: what gives a token in the original's envelope.
    """

    def __init__(self, harness: Harness, url: str) -> None:
        self.answers = 0
        self.tokens: list[str] = []
        self.troubles: list[str] = []
        self.slowest = 0.0
        self._arena = harness
        self._url = url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stopped.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stopped.wait(PAUSE):
            try:
                self._ask()
            except (AssertionError, OSError) as error:
                self.troubles.append(f"{type(error).__name__}: {error}")

    def _ask(self) -> None:
        began = time.monotonic()
        token = token_of(ask(self._url))
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers += 1
        if not self._arena.lives(token):
            # It may have ended between the two questions: what is handed out has a second left at least.
            assert time.monotonic() - began > 1, "a dead token was handed out"
        if token not in self.tokens:
            self.tokens.append(token)


@contextlib.contextmanager
def calling(harness: Harness, urls: Sequence[str]) -> Iterator[list[Caller]]:
    """One caller for each URL while the block runs."""
    callers = [Caller(harness, url) for url in urls]
    try:
        yield callers
    finally:
        for caller in callers:
            caller.stop()
