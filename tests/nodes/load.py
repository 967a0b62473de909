"""What partners' apps do all day, at once and on any node: lives of grants, own tokens, held tokens, logins."""

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable

from lingpai.core.errors import LingpaiError
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.end import end_token
from lingpai.sandbox import SAMPLE_APP, SAMPLE_MINI
from tests.nodes.client import Client
from tests.nodes.cluster import NODES
from tests.nodes.history import Outcome, Record, Verb, steady
from tests.nodes.material import MALL_APP, OWN_APPS, YZB_APP

Pair = tuple[str, ...]

PAUSE = 0.06
"""Seconds that an app pauses between two steps at most."""

HELD = (SAMPLE_APP.appid, SAMPLE_APP.appid, SAMPLE_MINI.appid)
CLEARED = 0.3
"""Share of the asks for a held token that have it cleared first."""


class Load:
    """Apps at work, all drawn from one seed.

    Args:
        client: asks the nodes.
        codes: to be spent, once each.
        mall: an operator's own way to the mall's store, for ends.
        upstream: the sandbox's base URL, which makes login codes.
        draw: where chance comes from.
    """

    def __init__(
        self, client: Client, codes: list[str], mall: Issuer, upstream: str, draw: random.Random
    ) -> None:
        self.over = False
        self.kept: list[tuple[str, str]] = []
        """The code and the last access token of every grant that anything is known of."""
        self._client = client
        self._codes = deque(codes)
        self._mall = mall
        self._upstream = upstream
        self._draw = draw
        self._own: dict[str, list[str]] = defaultdict(list)
        self._logins = 0
        self._lives: tuple[tuple[Callable[[], Awaitable[object]], int], ...] = (
            (self._grant, 8),
            (self._own_token, 2),
            (self._held, 4),
            (self._login, 1),
        )

    async def run(self) -> None:
        """One app, until it is over or out of codes."""
        lives, weights = zip(*self._lives, strict=True)
        while not self.over and self._codes:
            (life,) = self._draw.choices(lives, weights)
            await life()

    async def last_look(self) -> None:
        """Every grant on every node, and every account, once more."""
        for code, token in self.kept:
            await asyncio.gather(*(self._client.check(code, token, node) for node in range(NODES)))
        for account in set(HELD):
            await asyncio.gather(*(self._client.hold(account, node) for node in range(NODES)))

    def _node(self) -> int:
        return self._draw.randrange(NODES)

    async def _pause(self) -> None:
        await asyncio.sleep(self._draw.uniform(0, PAUSE))

    async def _race(self, ask: Callable[[int], Awaitable[Record]], *times: int) -> Record:
        """Ask several nodes at once; the first success, or else the first answer."""
        answers = await asyncio.gather(*(ask(self._node()) for _ in range(self._draw.choice(times))))
        return next((each for each in answers if each.outcome is Outcome.DONE), answers[0])

    async def _grant(self) -> None:
        code = self._codes.popleft()
        won = await self._race(lambda node: self._client.redeem(code, node), 1, 1, 2, 3)
        if won.outcome is not Outcome.DONE:  # as an app does that had no answer
            await self._pause()
            won = await self._client.redeem(code, self._node())
        if won.outcome is not Outcome.DONE:
            return
        pair, before = won.got, ""
        for _ in range(self._draw.randrange(1, 4)):
            await self._pause()
            await self._client.check(code, pair[0], self._node())
            if self._draw.random() < 0.5:
                pair, before = await self._refreshed(code, pair), pair[1]
        ways = (self._nothing, self._code_again, self._operator, self._replay)
        await self._draw.choice(ways)(code, pair, before)
        self.kept.append((code, pair[0]))
        await asyncio.gather(*(self._client.check(code, pair[0], node) for node in range(NODES)))

    async def _refreshed(self, code: str, pair: Pair) -> Pair:
        for _ in range(3):  # an app that had no answer asks again
            found = await self._race(lambda node: self._client.refresh(code, pair[1], node), 1, 1, 2)
            if found.in_order:
                return found.got or pair
            await self._pause()
        return pair

    async def _nothing(self, code: str, pair: Pair, before: str) -> None:
        del code, pair, before

    async def _code_again(self, code: str, pair: Pair, before: str) -> None:
        del pair, before
        await self._client.redeem(code, self._node())

    async def _replay(self, code: str, pair: Pair, before: str) -> None:
        """The refresh token before the last one, whose successor is used first."""
        if before:
            await self._refreshed(code, pair)
            await self._client.refresh(code, before, self._node())

    async def _operator(self, code: str, pair: Pair, before: str) -> None:
        del before
        began = steady()
        try:
            app = await self._mall.store.find_app("mall", MALL_APP)
            ended = app is not None and await end_token(self._mall, app, pair[0])
            outcome = Outcome.DONE if ended else Outcome.REFUSED
        except LingpaiError:
            outcome = Outcome.MAYBE
        self._client.history.add(Verb.END, code, pair[0], -1, began, (outcome, (), ""))

    async def _own_token(self) -> None:
        app = self._draw.choice((*OWN_APPS, YZB_APP))
        found = await self._race(lambda node: self._client.issue(app, node), 1, 1, 2)
        if found.got:
            self._own[app].append(found.got[0])
        for token in self._own[app][-2:]:
            await self._client.check_own(app, token, self._node())

    async def _held(self) -> None:
        account = self._draw.choice(HELD)
        if self._draw.random() < CLEARED:
            await self._client.clear(account, self._node())
        await self._race(lambda node: self._client.hold(account, node), 1, 2, 3)
        await self._pause()

    async def _login(self) -> None:
        self._logins += 1
        wanted = f'{{"account": "{SAMPLE_MINI.appid}", "kind": "mini", "user": "user{self._logins}"}}'
        _, _, made = await self._client.send(f"{self._upstream}/_sandbox/codes", wanted)
        await self._race(lambda node: self._client.exchange(made["code"], node), 1, 2)
        await self._client.exchange(made["code"], self._node())
