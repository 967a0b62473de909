"""One forwarded call: guarded, made with the live token, and made once more when that turns out to be dead."""

import asyncio
import contextlib
import functools
from collections.abc import Callable
from typing import Final, NamedTuple

from prometheus_client import Counter

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Caller, CredentialKey, Generation
from lingpai.core.wire import NO_STORE, Reply, StreamedReply, StreamedRequest
from lingpai.http_client.pool import HttpRequest
from lingpai.keeper.app import App
from lingpai.keeper.counters import FORWARDED
from lingpai.keeper.forwarding.bearers import demand_path
from lingpai.keeper.forwarding.bodies import Outgoing
from lingpai.keeper.forwarding.headers import content_type_of, incoming, outgoing
from lingpai.keeper.forwarding.paths import Target, with_token
from lingpai.keeper.forwarding.replies import Answering
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.forwarding import Forwarding
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.reporting import FORWARD, report
from lingpai.keeper.single_flight import SingleFlight
from lingpai.keeper.unreached import FAILURES
from lingpai.keeper.upstream import Unreachable

SUCCESSOR_WAIT: Final = 5.0
"""Seconds to wait for the token that another worker fetches in the place of a dead one."""


class Forwarded(NamedTuple):
    """A call to be forwarded.

    Attributes:
        app: the account that makes it.
        caller: who asked for it.
        request: as it came.
        target: path and query for the platform.
        shown: the text that the caller sees instead of the platform's token.
        kind: of the token that it is made with.
    """

    app: App
    caller: Caller
    request: StreamedRequest
    target: Target
    shown: str
    kind: str = ACCESS_TOKEN


class Forwarder:
    """Forwards calls.

    Args:
        keeper: whose tokens they are made with.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._replacing: SingleFlight[tuple[CredentialKey, int], Generation] = SingleFlight(keeper.background)

    async def forward(self, asked: Forwarded) -> Reply:
        """Return the platform's answer; the body of a large one is still on its way.

        Raises:
            LingpaiError: NOT_ALLOWED for the path; TOO_MANY_REQUESTS; whatever is wrong with the request's body;
                UPSTREAM_UNAVAILABLE; and as `Credentials.get_or_fetch`.
        """
        keeper, app, caller = self._keeper, asked.app, asked.caller
        forwarding = _forwarding_of(app)
        pattern = "*"
        noted = False

        def note(outcome: str) -> None:
            nonlocal noted
            if not noted:
                _counter(app.platform.name, app.account, caller.name, pattern, outcome).inc()
            noted = True

        try:
            pattern = demand_path(caller, forwarding, asked.target.decoded)
            keeper.guard.count(caller.name, forwarding)
            keeper.audit.count(app.asker, app.logged_name, f"forward {pattern}")
            headers = outgoing(asked.request.lines)
            body = Outgoing(asked.request)
            await body.collect()
            leave = await keeper.guard.enter(app, forwarding)
            try:
                answering, real, replayed = await self._call(asked, forwarding, headers, body)
            except BaseException:
                leave()
                raise
        except LingpaiError as error:
            note(_OUTCOMES.get(error.kind, "failed"))
            raise
        except asyncio.CancelledError:
            note("cancelled")
            raise
        answering.on_end = _after(leave, note, replayed=replayed)
        response = answering.response
        kind = content_type_of(response.header(b"content-type"))
        raw = incoming(response.lines, real, asked.shown)
        if (
            answering.whole and not raw and asked.request.method != "HEAD"
        ):  # small, and nothing is left to wait for
            answering.finish()
            return Reply(b"".join(answering.first), response.status, kind, (NO_STORE,))
        return StreamedReply(
            b"",
            response.status,
            kind,
            (NO_STORE,),
            chunks=answering,
            length=answering.length,
            raw=raw,
        )

    async def _call(
        self, asked: Forwarded, forwarding: Forwarding, headers: list[tuple[str, str]], body: Outgoing
    ) -> tuple[Answering, str, bool]:
        """Return the answer, the token that the call was made with, and whether it was made twice."""
        app = asked.app
        credential = await self._keeper.credentials.get_or_fetch(app, asked.kind)
        token = current_of(credential)
        answering = await self._send(asked, forwarding, headers, body, token.value)
        replayed = False
        try:
            code = await self._look(asked, answering)
            if code in forwarding.dead:
                successor = await self._successor(app, asked.kind, token)
                if successor.version != token.version and body.whole is not None:
                    answering.discard()
                    token, replayed = successor, True
                    answering = await self._send(asked, forwarding, headers, body, token.value)
                    await self._look(asked, answering)
        except BaseException:
            answering.discard()
            raise
        answering.hide(token.value, asked.shown)
        return answering, token.value, replayed

    async def _look(self, asked: Forwarded, answering: Answering) -> int | None:
        if asked.request.method == "HEAD":  # its length is of a body that does not come (RFC 9110 §9.3.2)
            return None
        try:
            return await answering.look(asked.app.platform)
        except FAILURES as error:
            raise _unreachable("the answer broke off") from error

    async def _send(
        self,
        asked: Forwarded,
        forwarding: Forwarding,
        headers: list[tuple[str, str]],
        body: Outgoing,
        token: str,
    ) -> Answering:
        platform, options = asked.app.platform, self._keeper.options.forward
        path, decoded, query = asked.target
        place = forwarding.place_of(decoded)
        if place.parameter:
            query = with_token(query, place.parameter, token)
        else:
            headers = [*headers, (place.header, f"{place.scheme}{token}")]
        address = platform.address(forwarding.at.get(forwarding.prefix_of(decoded), ""))
        url = f"{address}{path.decode('ascii')}"
        if query:
            url = f"{url}?{query.decode('ascii')}"
        if body.whole is None and body.length is not None:
            headers = [*headers, ("content-length", str(body.length))]
        request = HttpRequest(
            asked.request.method, url, headers, body.pieces() if body.whole is None else body.whole
        )
        try:
            response = await self._keeper.upstream.send(
                request, stall=options.stall, total=options.total, way=platform.way_out
            )
        except TimeoutError as error:
            raise body.fault or _unreachable(f"no answer within {options.stall:g} s") from error
        except Unreachable as error:
            raise body.fault or _unreachable(str(error)) from error
        return Answering(response, options.stall)

    async def _successor(self, app: App, kind: str, dead: Generation) -> Generation:
        """Return the token after one that the platform called dead, once it was verified; of many callers one asks.

        The same one when the platform does accept it, or gives no other now.
        """
        key = app.key(kind)
        return await self._replacing.run((key, dead.version), lambda: self._replace(app, key, dead))

    async def _replace(self, app: App, key: CredentialKey, dead: Generation) -> Generation:
        keeper = self._keeper
        credential = await keeper.store.read_credential(key)
        if credential is None:
            return dead
        outcome = await report(keeper, app, credential, dead.value, FORWARD)
        give_up = keeper.clock.steady() + (SUCCESSOR_WAIT if outcome == "checked" else 0.0)
        with contextlib.suppress(LingpaiError):
            while True:
                credential = await keeper.store.read_credential(key)
                current = None if credential is None else credential.current
                if current is not None and current.version != dead.version:
                    return current
                rest = give_up - keeper.clock.steady()
                if rest <= 0:
                    break
                await keeper.store.wait_change(rest)
        return dead


_OUTCOMES: Final = {
    Kind.NOT_ALLOWED: "refused",
    Kind.TOO_MANY_REQUESTS: "busy",
    Kind.BODY_TOO_LARGE: "too_large",
    Kind.REQUEST_TIMEOUT: "stalled",
    Kind.MALFORMED_BODY: "cancelled",
    Kind.UPSTREAM_UNAVAILABLE: "unreachable",
}


@functools.lru_cache(maxsize=1024)
def _counter(platform: str, account: str, caller: str, pattern: str, outcome: str) -> Counter:
    return FORWARDED.labels(platform, account, caller, pattern, outcome)


def _after(
    leave: Callable[[], None], note: Callable[[str], None], *, replayed: bool
) -> Callable[[str], None]:
    def end(outcome: str) -> None:
        leave()
        note("replayed" if replayed and outcome == "ok" else outcome)

    return end


def _forwarding_of(app: App) -> Forwarding:
    if app.platform.forwarding is None:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "Calls of this platform are not forwarded.", parameter="platform"
        )
    if not app.platform.base_url:
        raise _unreachable("its address is not configured")
    return app.platform.forwarding


def _unreachable(why: str) -> LingpaiError:
    return LingpaiError(
        Kind.UPSTREAM_UNAVAILABLE,
        f"The call to the upstream platform failed: {why}.",
        detail=why,
        retry_after=1,
    )
