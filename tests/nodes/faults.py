"""Who troubles the nodes: one thing after the other, drawn from a seed, each written to the history."""

import contextlib
import random
import signal
import time
from collections.abc import Callable
from typing import Final

from tests.nodes.cluster import LEASE, Cluster, Node
from tests.nodes.history import History
from tests.nodes.lines import DROP, LOSE, REFUSE, STALL
from tests.strength.services import STOP_SECONDS

BEYOND: Final = LEASE + 1.0
"""Seconds that a node stands still: beyond the lease that it may have."""
HOLE: Final = 6.0
"""Seconds that nothing comes through: beyond the patience of the store."""
BREATH: Final = 0.5
CRASHES: Final = 4
LOSSES: Final = 10


def _kill(cluster: Cluster, node: Node) -> None:
    node.kill()
    node.start()
    node.ready()


def _restart(cluster: Cluster, node: Node) -> None:
    node.service.process.send_signal(signal.SIGTERM)
    assert node.service.process.wait(STOP_SECONDS) == 0
    _kill(cluster, node)


def _stop(cluster: Cluster, node: Node) -> None:
    with node.stopped():
        time.sleep(BEYOND)


def _cut(cluster: Cluster, node: Node) -> None:
    with node.cut_off(REFUSE):
        time.sleep(BREATH)


def _hole(cluster: Cluster, node: Node) -> None:
    with node.cut_off(STALL):
        time.sleep(HOLE)


def _drop(cluster: Cluster, node: Node) -> None:
    with node.cut_off(DROP):
        pass


def _lose(cluster: Cluster, node: Node) -> None:
    for _ in range(LOSSES):
        with node.cut_off(LOSE):
            time.sleep(BREATH / LOSSES)


def _database(cluster: Cluster, node: Node) -> None:
    cluster.server.stop()
    cluster.server.start()


def _database_crash(cluster: Cluster, node: Node) -> None:
    for _ in range(CRASHES):  # what was lost, if anything, is little each time
        time.sleep(BREATH)
        cluster.server.stop(signal.SIGQUIT)
        cluster.server.start()


TROUBLES: Final[dict[str, Callable[[Cluster, Node], None]]] = {
    "kill -9": _kill,
    "restart in order": _restart,
    "stop beyond the lease": _stop,
    "cut off": _cut,
    "nothing comes through": _hole,
    "connections reset": _drop,
    "answers lost": _lose,
    "database restarted": _database,
    "database crashed": _database_crash,
}


class FaultInjector:
    """Makes trouble for a while.

    Args:
        cluster: whose nodes.
        history: gets each of them.
        draw: where chance comes from.
    """

    def __init__(self, cluster: Cluster, history: History, draw: random.Random) -> None:
        self._cluster = cluster
        self._history = history
        self._draw = draw

    def run(self, seconds: float) -> None:
        """Every trouble once, and then again until the time is over; in a thread of its own."""
        over = time.monotonic() + seconds
        first = True
        while first or time.monotonic() < over:
            for name in self._draw.sample(sorted(TROUBLES), len(TROUBLES)):
                if first or time.monotonic() < over:
                    self._make(name)
            first = False

    def _make(self, name: str) -> None:
        node = self._draw.choice(self._cluster.nodes)
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._history.trouble(f"{name}, node {node.number}"))
            TROUBLES[name](self._cluster, node)
        time.sleep(BREATH)
