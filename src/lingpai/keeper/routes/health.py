"""Health: of the process (live), of this node (ready), and of the accounts; load balancers ask the first two."""

import functools
from collections.abc import Callable

import msgspec

from lingpai.core.languages import in_language_of
from lingpai.core.wire import NO_STORE, Call, Reply, Route, Source
from lingpai.keeper.access import covers, identify, is_insider
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.routes.compatible import Nothing
from lingpai.keeper.routes.shapes import GENERIC
from lingpai.keeper.status import AccountsHealth, Readiness, accounts_health, readiness


class Live(msgspec.Struct):
    """The process answers."""

    live: bool = True


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the health routes over this keeper."""

    async def live(params: Nothing, call: Call) -> Live:
        del params, call
        return Live()

    async def ready(params: Nothing, call: Call) -> Reply:
        del params
        found = await readiness(keeper, detailed=is_insider(keeper, call), say=_saying(call))
        return Reply(msgspec.json.encode(found), 200 if found.ready else 503, headers=(NO_STORE,))

    async def accounts(params: Nothing, call: Call) -> AccountsHealth:
        """Always 200: a balancer that is pointed here by mistake must not take every node out of service."""
        del params
        caller = await identify(keeper, call, "token")
        return await accounts_health(
            keeper, lambda name: caller is None or covers(caller.apps, name), _saying(call)
        )

    return (
        Route(("GET",), "/health/live", Nothing, Source.QUERY, live, GENERIC,
              "Check that the process answers", Live, "Health"),
        Route(("GET",), "/health/ready", Nothing, Source.QUERY, ready, GENERIC,
              "Check that this node can serve: its store answers, reads and writes; else the reason", Readiness,
              "Health"),
        Route(("GET",), "/health/accounts", Nothing, Source.QUERY, accounts, GENERIC,
              "List accounts without a live token, or that need a human; for trusted networks and caller keys",
              AccountsHealth, "Health"),
    )  # fmt: skip


def _saying(call: Call) -> Callable[[str], str]:
    return functools.partial(in_language_of, call.header("accept-language"))
