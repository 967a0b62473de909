"""Python calls that an answer takes: ``python -m bench.calls [STORE]``.

A whole service in this process, asked 200 times one after the other on one connection. The calls of Python functions
are counted by ``sys.setprofile``, those of the event loop and those of other threads (the store's writer) apart; the
quietest five requests in a row are shown, as they depend neither on the machine nor on what else that does.

STORE is the address of an empty PostgreSQL database; without one the embedded store is measured.
"""

import asyncio
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec
import uvloop
from uvicorn.server import ServerState

from bench.cases import (
    APP_TOKEN,
    BY_SECRET,
    CHECK,
    FORWARD,
    INTROSPECT,
    REDEEM,
    REFRESH,
    STANDARD,
    USERINFO,
    WHO,
)
from lingpai.core.issuer_records import App, Client
from lingpai.core.records import Account, Caller
from lingpai.edge.connection import Connection
from lingpai.edge.endpoint import Application
from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.listening import bind, url_of
from lingpai.edge.site import Site
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.sign_ins import SignIn, encode_sign_in
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.redeem import redeem
from lingpai.sandbox import SAMPLE_APP, SandboxOptions
from lingpai.sandbox.serve import running
from lingpai.service import issuers_of, open_keeper, open_service
from lingpai.settings import Settings

HELD: Final = "getXcx"
ASKED: Final = 200
WARM: Final = 20
ROW: Final = 5
"""Answers in a row that are looked at together."""
BUDGETS: Final = {
    HELD: (16, 0),
    CHECK: (22, 0),
    WHO: (22, 0),
    APP_TOKEN: (46, 10),
    REDEEM: (46, 4),
    REFRESH: (37, 4),
    FORWARD: (221, 0),
    STANDARD: (53, 0),
    INTROSPECT: (53, 0),
    USERINFO: (30, 0),
    BY_SECRET: (85, 0),
}
"""What an answer may take with the embedded store: calls on the loop, and in other threads. To be lowered only. In the
test suite, which notes each secret that is digested, it is six more for those that send one."""
POSTGRESQL_BUDGETS: Final = {
    HELD: (232, 0),
    CHECK: (182, 0),
    WHO: (110, 0),
    APP_TOKEN: (370, 0),
    REDEEM: (290, 0),
    REFRESH: (284, 0),
    FORWARD: (565, 0),
    STANDARD: (221, 0),
    INTROSPECT: (231, 0),
    USERINFO: (118, 0),
    BY_SECRET: (259, 0),
}
"""The same with PostgreSQL, where a request alone has each of its round trips for itself; asyncpg wakes up more or
less often, so a tenth is added to what was counted."""
_DATE: Final = [(b"date", b"Sun, 29 Nov 2026 13:44:56 GMT")]

_ASKED: Final = {
    "oidc": Asked(
        scope="openid offline_access", nonce=encode_sign_in(SignIn(auth_time=1, nonce="n-0S6_WzA2Mj"))
    )
}
"""What the apps of realms ask for that need more than nothing."""

Ask = Callable[[bytes], bytes]
"""The body of the answer for one request."""


class Calls(NamedTuple):
    """Python calls of one answer.

    Attributes:
        loop: on the event loop.
        others: in all other threads.
    """

    loop: float
    others: float


class _Counter:
    """Counts calls by thread, but for those of the client."""

    def __init__(self, client: int) -> None:
        self.client = client
        self._loop = threading.get_ident()
        self.loop = self.others = 0

    def __call__(self, _frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        thread = threading.get_ident()
        if thread == self._loop:
            self.loop += 1
        elif thread != self.client:
            self.others += 1


def _get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


def _post(target: str, **fields: str) -> bytes:
    body = urlencode(fields)
    head = (
        f"POST {target} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


class Material(NamedTuple):
    """What the cases spend.

    Attributes:
        app: id and secret of an app of the yzb realm.
        codes: unspent codes of it.
        access: a user's access token of it, and his open_id.
        refresh: the refresh token beside it.
        mall: a user's access token of the mall realm.
        caller: key of a caller that may forward.
        standard: id and secret of an app of the oidc realm.
        tokens: a user's tokens of it.
    """

    app: tuple[str, str]
    codes: list[str]
    access: tuple[str, str]
    refresh: str
    mall: str
    caller: str
    standard: dict[str, str]
    tokens: Tokens


async def _granted(issuer: Issuer, app: App, count: int) -> list[str]:
    user = await admin.add_user(issuer, f"calls{issuer.realm}", "")
    asked = [issue_code(issuer, app, user, _ASKED.get(issuer.realm, Asked())) for _ in range(count)]
    return [issued.code for issued in await asyncio.gather(*asked)]


async def _mint(settings: Settings) -> Material:
    async with open_keeper(settings) as keeper:
        account = Account(platform="wechat", account=SAMPLE_APP.appid, secret=SAMPLE_APP.secret)
        await keeper.store.save_account(account)
        key = "lpk_" + "bench-sample-key" * 3
        await keeper.store.add_caller(
            Caller(name="calls", rights=("forward",)), keeper.digest_caller_key(key)
        )
        issuers = await issuers_of(settings, keeper)
        yzb, mall = issuers["yzb"], issuers["mall"]
        app, secret = await admin.add_app(yzb, App(realm="yzb", app_id="100001"))
        *codes, last = await _granted(yzb, app, ASKED + WARM + 1)
        tokens = await redeem(yzb, app, last)
        shop, _ = await admin.add_app(mall, App(realm="mall", app_id="200001"))
        sold = await redeem(mall, shop, (await _granted(mall, shop, 1))[0])
        oidc = issuers["oidc"]
        client = App(realm="oidc", app_id="300001", client=Client(pkce=False))
        client, client_secret = await admin.add_app(oidc, client)
        signed_in = await redeem(oidc, client, (await _granted(oidc, client, 1))[0])
    access = (tokens.access_token, tokens.open_id)
    standard = {"client_id": client.app_id, "client_secret": client_secret}
    return Material(
        (app.app_id, secret),
        codes,
        access,
        tokens.refresh_token,
        sold.access_token,
        key,
        standard,
        signed_in,
    )


def _cases(given: Material) -> dict[str, Callable[[Ask], Iterator[bytes]]]:
    """Each case asks as often as it is iterated; what it gives are answers."""
    app_id, secret = given.app
    token, open_id = given.access

    def again(request: bytes) -> Callable[[Ask], Iterator[bytes]]:
        def ask(ask: Ask) -> Iterator[bytes]:
            while True:
                yield ask(request)

        return ask

    def redeemed(ask: Ask) -> Iterator[bytes]:
        for code in given.codes:
            fields = {"app_id": app_id, "secret": secret, "grant_type": "authorization_code", "code": code}
            yield ask(_post("/OAuth2/token", **fields))

    def refreshed(ask: Ask) -> Iterator[bytes]:
        current = given.refresh
        fields = {"app_id": app_id, "grant_type": "refresh_token", "open_id": open_id}
        while True:
            answer = ask(_post("/OAuth2/refreshtoken", **fields, refresh_token=current))
            current = _find(msgspec.json.decode(answer), "refresh_token")
            yield answer

    checking = _post("/OAuth2/checkCode", app_id=app_id, type="access_token", open_id=open_id, code=token)
    owning = _post("/OAuth2/token", app_id=app_id, secret=secret, grant_type="client_credential")
    user, own = given.tokens, given.standard
    renewing = own | {"grant_type": "refresh_token", "refresh_token": user.refresh_token}
    return {
        HELD: again(_get(f"/AccessToken/getXcx?appid={SAMPLE_APP.appid}&secret={SAMPLE_APP.secret}")),
        CHECK: again(checking),
        WHO: again(_post("/oauth2/getOpenId", access_token=given.mall)),
        APP_TOKEN: again(owning),
        REDEEM: redeemed,
        REFRESH: refreshed,
        FORWARD: again(_sent(given.caller)),
        STANDARD: again(_post("/oidc/token", **own, grant_type="client_credentials")),
        INTROSPECT: again(_post("/oidc/introspect", **own, token=user.access_token)),
        USERINFO: again(_post("/oidc/userinfo", access_token=user.access_token)),
        BY_SECRET: again(_post("/oidc/token", **renewing)),
    }


def _sent(key: str) -> bytes:
    body = '{"touser":"oCalls","msgtype":"text","text":{"content":"hello"}}'
    head = (
        f"POST /v1/forward/wechat/{SAMPLE_APP.appid}/cgi-bin/message/custom/send HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def _find(document: Any, name: str) -> str:
    """The value of the first member of this name, at whatever depth."""
    if isinstance(document, dict):
        if name in document:
            return str(document[name])
        return next(filter(None, (_find(value, name) for value in document.values())), "")
    return ""


def _read(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    said = b""
    while b"\r\n\r\n" not in said:
        said += connection.recv(65536)
    head, _, body = said.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    if b" 200 " not in head[:16]:
        raise RuntimeError(f"{request!r} was answered {said!r}")
    return body


def _least(counts: Sequence[int]) -> float:
    """Calls of an answer in the quietest row of answers: a busy machine has the loop turn more often meanwhile."""
    return min(after - before for before, after in zip(counts, counts[ROW:], strict=False)) / ROW


def _ask_all(port: int, counter: _Counter, given: Material) -> dict[str, Calls]:
    """Runs in the client's thread."""
    found = {}
    for name, case in _cases(given).items():
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            counts: list[tuple[int, int]] = []
            # The end of an answer's turn may come after the client has it, and counts for the next.
            for _, _ in zip(case(lambda request: _read(connection, request)), range(ASKED), strict=False):
                counts.append((counter.loop, counter.others))
        loops, others = zip(*counts[WARM:], strict=True)
        found[name] = Calls(_least(loops), _least(others))
    return found


async def _measure(app: Application, counter: _Counter, given: Material) -> dict[str, Calls]:
    loop = asyncio.get_running_loop()
    config: Any = SimpleNamespace(loaded_app=Site(app, ProtocolLimits()))
    state = ServerState()
    state.default_headers = _DATE
    server = await loop.create_server(lambda: Connection(config, state, {}, loop), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    try:
        return await _in_thread(lambda: _ask_all(port, counter, given), counter)
    finally:
        sys.setprofile(None)
        server.close()


async def _in_thread(work: Callable[[], dict[str, Calls]], counter: _Counter) -> dict[str, Calls]:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[dict[str, Calls]] = loop.create_future()

    def run() -> None:
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
            loop.call_soon_threadsafe(done.set_exception, error)
        else:
            loop.call_soon_threadsafe(done.set_result, found)

    thread = threading.Thread(target=run)
    threading.setprofile(None)
    thread.start()
    counter.client = thread.ident or 0
    sys.setprofile(counter)
    try:
        return await done
    finally:
        sys.setprofile(None)
        thread.join()


def count_calls(folder: Path, store: str = "") -> dict[str, Calls]:
    """Calls of an answer, by case, on the loop that `lingpai serve` has.

    Args:
        folder: an empty one, for the service's data.
        store: the address of an empty PostgreSQL database; the embedded store when empty.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_count(folder, store))


async def _count(folder: Path, store: str) -> dict[str, Calls]:
    with bind("127.0.0.1", 0) as bound, running(SandboxOptions(), bound):
        changes: dict[str, Any] = {"wechat": {"base_url": url_of(bound)}}
        changes["forward"] = {"rate": 0}
        if store:
            changes["store"] = store
        settings = Settings(data=folder, **changes)
        given = await _mint(settings)
        counter = _Counter(0)
        threading.setprofile(counter)  # what threads the service begins
        try:
            async with open_service(settings) as app:
                return await _measure(app, counter, given)
        finally:
            threading.setprofile(None)


def main(store: str = "") -> None:
    """Print the calls of each case."""
    with tempfile.TemporaryDirectory() as folder:
        found = count_calls(Path(folder) / "data", store)
    for name, calls in found.items():
        print(f"{name:14} {calls.loop:5.0f} on the loop {calls.others:5.0f} in other threads")


if __name__ == "__main__":
    main(*sys.argv[1:])
