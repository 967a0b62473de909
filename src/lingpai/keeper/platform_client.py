"""One call of a platform for one app, in the platform's own form."""

from typing import Any

from lingpai.core.clock import End
from lingpai.keeper.app import App
from lingpai.keeper.context import Context
from lingpai.keeper.platforms.forms import Body
from lingpai.keeper.platforms.platform import ProbeCall, Request
from lingpai.keeper.upstream import Unreachable, number_of
from lingpai.store.port import Fetched

MAX_LIFETIME = 90 * 86_400
MAX_VALUE = 4096


async def call_platform(
    context: Context, app: App, method: str, path: str, fields: Request, query: Request | None = None
) -> dict[str, Any]:
    """Return what the platform answers to this call, as `Upstream.call`.

    Args:
        context: the keeper's.
        app: for whom.
        method: "GET" or "POST".
        path: below the platform's base_url.
        fields: the query of a GET, the body of a POST.
        query: of a POST that has one besides.

    Raises:
        Refusal: the platform answered an error number.
        Unreachable: no usable answer, or the operator has not said where the platform is.
    """
    platform = app.platform
    if not platform.base_url:
        raise Unreachable(
            f"the setting {platform.name}.base_url (LINGPAI_{platform.name.upper()}__BASE_URL) is missing"
        )
    if platform.stamp is not None:
        fields = {**platform.stamp(app.account, app.secret, int(context.clock.now())), **fields}
    url = platform.base_url + path
    if method == "GET":
        return await context.upstream.call(
            "GET", url, query=fields, envelope=platform.envelope, way=platform.way_out
        )
    sent = {"body": fields} if platform.body is Body.JSON else {"form": fields}
    return await context.upstream.call(
        "POST", url, query=query, envelope=platform.envelope, way=platform.way_out, **sent
    )


async def call_probe(context: Context, app: App, probe: ProbeCall, value: str) -> None:
    """Ask the platform whether it accepts a value; return when it does.

    Raises:
        Refusal: it does not.
        Unreachable: it could not be asked.
    """
    asked = probe.request(app.account, value)
    if probe.body is not None:
        await call_platform(context, app, "POST", probe.path, probe.body, asked)
    else:
        await call_platform(context, app, "POST" if probe.posts else "GET", probe.path, asked)


class SentAt:
    """The moment before a request is sent, from which lifetimes count.

    Never later than the upstream's own count.
    """

    def __init__(self, context: Context) -> None:
        clock = context.clock
        self._wall, self._steady, self._epoch = clock.now(), clock.steady(), clock.epoch

    def fetched(self, value: Any, lifetime: Any) -> Fetched:
        """Return the value in an answer to that request, with its end.

        Args:
            value: as the answer has it.
            lifetime: in seconds, as the answer has it.

        Raises:
            Unreachable: either is not what it should be.
        """
        if not isinstance(value, str) or not 0 < len(value) <= MAX_VALUE or not value.isascii():
            raise Unreachable("a success without a usable value")
        lifetime = number_of(lifetime)
        if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not lifetime > 0:
            raise Unreachable("a success without a usable expires_in")
        lifetime = float(min(lifetime, MAX_LIFETIME))
        end = End(self._wall + lifetime, self._steady + lifetime, self._epoch)
        return Fetched(value, end, lifetime, self._wall)
