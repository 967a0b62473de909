"""What the issuer's verbs and the embedded store take by themselves: ``python -m bench.verbs HOME [TASKS]``.

HOME is a folder that ``bench.minting`` filled. Each case calls its route's verb in this process, over a copy of the
data, from TASKS tasks at a time (32), durably, and encodes the answer: all but HTTP. CPU time is split by thread:
the event loop's, and the others' (the writer, the checkpointer, and what the kernel does for them).
"""

import asyncio
import itertools
import shutil
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec
import uvloop

from bench.cases import APP_TOKEN, CHECK, ONE_APP, REDEEM, REFRESH, TICKETS, WHO
from bench.material import material_file
from lingpai.core.clock import SystemClock
from lingpai.core.keyring import KeyRing
from lingpai.core.wire import Call, Reply, Route
from lingpai.issuer.realms import Realm, mount, open_issuer
from lingpai.store.sqlite.issuer.store import SqliteIssuerStore

_DAY = 86_400
_REALMS = (
    Realm(name="yzb", dialect="yzb", numbers={"code": _DAY, "access": _DAY}),
    Realm(name="mall", dialect="mall", numbers={"access": _DAY}),
)
_ROUTES = {
    REDEEM: "/OAuth2/token",
    REFRESH: "/OAuth2/refreshtoken",
    APP_TOKEN: "/OAuth2/token",
    ONE_APP: "/OAuth2/token",
    TICKETS: "/OAuth2/ticket",
    CHECK: "/OAuth2/checkCode",
    WHO: "/oauth2/getOpenId",
}
_CALLS = 10_000
_RIGHT = (b'"status":"2000"', b'"status":2000', b'"status":1,')


async def _ask(route: Route, given: msgspec.Struct) -> None:
    value = await route.verb(given, Call("trace", "127.0.0.1"))
    reply = value if type(value) is Reply else route.shape.success(value, "trace")
    if not any(right in reply.body for right in _RIGHT):
        raise SystemExit(f"{route.path} answered {reply.body!r}")


async def _measure(case: str, route: Route, home: Path, tasks: int) -> str:
    with material_file(home, case).open(encoding="utf-8") as lines:
        bodies = [
            dict(parse_qsl(line.rstrip("\n"))) for line in itertools.islice(lines, _CALLS + _CALLS // 10)
        ]
    given = itertools.cycle([msgspec.convert(body, route.params, strict=False) for body in bodies])
    waits: list[float] = []

    async def work(calls: int) -> None:
        for each in itertools.islice(given, calls):
            began = time.perf_counter()
            await _ask(route, each)
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0)  # what only reads would not let the others in

    async def load(calls: int) -> None:
        await asyncio.gather(*(work(calls // tasks) for _ in range(tasks)))

    await load(_CALLS // 10)
    waits.clear()
    whole, loop, began = time.process_time(), time.thread_time(), time.perf_counter()
    await load(_CALLS)
    whole, loop, took = time.process_time() - whole, time.thread_time() - loop, time.perf_counter() - began
    count, waits = len(waits), sorted(waits)
    p50, p99 = (waits[count * percent // 100] * 1e3 for percent in (50, 99))
    cpu = f"{whole / count * 1e6:6.1f} µs CPU (loop {loop / count * 1e6:.1f})"
    return f"{case:22} {count / took:8,.0f}/s {cpu:30} p50 {p50:.2f} ms  p99 {p99:.2f} ms"


async def measure(home: Path, tasks: int) -> None:
    """Print a line for each case."""
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        data = Path(shutil.copytree(home / "data", Path(scratch) / "data"))
        clock = SystemClock()
        ring = KeyRing.open_or_create(data / "keyring.json", clock.now())
        store = await SqliteIssuerStore.open(data / "lingpai.db", ring, clock)
        try:
            routes: dict[str, Route] = {}
            for realm in _REALMS:
                issuer = await open_issuer(realm, store, ring, clock)
                routes |= {route.path: route for route in mount(realm, issuer, "http://127.0.0.1").routes}
            for case, path in _ROUTES.items():
                print(await _measure(case, routes[path], home, tasks), flush=True)
        finally:
            await store.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 32))
