"""Health: live (the process answers) and ready (every promise can be kept), for load balancers and people."""

import msgspec

from lingpai.core.wire import NO_STORE, Call, Reply, Route, Source
from lingpai.keeper.access import is_trusted
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.status import Readiness, readiness
from lingpai.keeper.surfaces.seed import Nothing
from lingpai.keeper.surfaces.shapes import GENERIC


class Live(msgspec.Struct):
    """The process answers."""

    live: bool = True


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """The health routes over this keeper."""

    async def live(params: Nothing, call: Call) -> Live:
        del params, call
        return Live()

    async def ready(params: Nothing, call: Call) -> Reply:
        del params
        found = await readiness(keeper)
        if not is_trusted(call.peer, keeper.options.trusted_networks):
            found.reasons = []  # which apps there are is nobody's business from outside
        return Reply(msgspec.json.encode(found), 200 if found.ready else 503, headers=(NO_STORE,))

    return (
        Route(("GET",), "/health/live", Nothing, Source.QUERY, live, GENERIC,
              "Whether the process answers", Live, "Health"),
        Route(("GET",), "/health/ready", Nothing, Source.QUERY, ready, GENERIC,
              "Whether the store answers and every account has a live token; why not", Readiness, "Health"),
    )  # fmt: skip
