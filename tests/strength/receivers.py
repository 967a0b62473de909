"""Servers that receive what services deliver, in threads of their own: they note it, and hold back one answer."""

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any

import psutil

from tests.strength.services import Service

WAIT = 60.0
Read = Callable[[Message, bytes], Any]
"""What is noted of a delivery, from its headers and body."""


class Receiver(http.server.ThreadingHTTPServer):
    """A server that notes what comes and from where, and answers the delivery number `held` only when it may.

    Args:
        read: what it notes.
        answer: what it answers.
    """

    def __init__(self, read: Read, answer: bytes = b"") -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"
        self.changed = threading.Condition()
        self.read, self.answer = read, answer
        self.got: list[Any] = []
        self.ports: list[int] = []
        self.held = 0
        self.free = threading.Event()

    def take(self, headers: Message, body: bytes, port: int) -> None:
        """Note a delivery, and come back when it may be answered."""
        with self.changed:
            self.got.append(self.read(headers, body))
            self.ports.append(port)
            waits = len(self.got) == self.held
            self.changed.notify_all()
        if waits:
            self.free.wait(WAIT)

    def until(self, count: int) -> None:
        """Come back once so many deliveries came."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= count, WAIT), self.got


class _Taker(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.take(self.headers, body, self.client_address[1])
        try:
            self.send_response(200)
            self.send_header("content-length", str(len(self.server.answer)))
            self.end_headers()
            self.wfile.write(self.server.answer)
        except OSError:  # its peer was killed
            self.close_connection = True


@contextlib.contextmanager
def receiving(read: Read, answer: bytes = b"") -> Iterator[Receiver]:
    """A receiver that runs."""
    with Receiver(read, answer) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made
        finally:
            made.free.set()
            made.shutdown()
            thread.join()


def owner(services: list[Service], port: int) -> Service:
    """The service whose process has a connection from this port."""
    for service in services:
        connections = psutil.Process(service.process.pid).net_connections("tcp")
        if any(getattr(each.laddr, "port", None) == port for each in connections):
            return service
    raise AssertionError(f"nobody is connected from {port}")
