"""One call of a platform for one app, in the platform's own form."""

from collections.abc import Mapping
from typing import Any

from lingpai.core.clock import End
from lingpai.keeper.app import App
from lingpai.keeper.context import Context
from lingpai.keeper.platforms.forms import Body, member
from lingpai.keeper.platforms.platform import Headers, ProbeCall, Renewed, Request
from lingpai.keeper.upstream import Unreachable, number_of
from lingpai.store.port import Fetched

MAX_LIFETIME = 90 * 86_400
MAX_VALUE = 4096


async def call_platform(
    context: Context,
    app: App,
    method: str,
    path: str,
    fields: Request,
    query: Request | None = None,
    *,
    headers: Headers | None = None,
    at: str = "",
) -> dict[str, Any]:
    """Return what the platform answers to this call, as `Upstream.call`.

    Args:
        context: the keeper's.
        app: for whom.
        method: "GET" or "POST".
        path: below the platform's address.
        fields: the query of a GET, the body of a POST.
        query: of a POST that has one besides.
        headers: besides those of HTTP.
        at: name of the address, see `Platform.addresses`.

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
    as_json = method != "GET" and platform.body is Body.JSON
    as_form = method != "GET" and platform.body is Body.FORM
    return await context.upstream.call(
        method,
        platform.address(at) + path,
        query=fields if method == "GET" else query,
        body=fields if as_json else None,
        form=fields if as_form else None,
        envelope=platform.envelope,
        way=platform.way_out,
        headers=headers,
    )


async def call_probe(context: Context, app: App, probe: ProbeCall, value: str) -> None:
    """Ask the platform whether it accepts a value; return when it does.

    Raises:
        Refusal: it does not.
        Unreachable: it could not be asked.
    """
    asked = probe.request(app.account, value)
    headers = None if probe.headers is None else probe.headers(value)
    if probe.body is not None:
        await call_platform(context, app, "POST", probe.path, probe.body, asked, headers=headers, at=probe.at)
    else:
        method = "POST" if probe.posts else "GET"
        query = None if probe.carried is None else probe.carried(value)
        await call_platform(context, app, method, probe.path, asked, query, headers=headers, at=probe.at)


class SentAt:
    """The moment before a request is sent, from which lifetimes count.

    Never later than the upstream's own count.
    """

    def __init__(self, context: Context) -> None:
        clock = context.clock
        self._wall, self._steady, self._epoch = clock.now(), clock.steady(), clock.epoch

    def fetched_by(self, way: Renewed, answer: Mapping[str, Any]) -> Fetched:
        """Return the value in the platform's answer to that request, with its end.

        Args:
            way: where both are.
            answer: the platform's.

        Raises:
            Unreachable: either is not what it should be.
        """
        lifetime = number_of(member(answer, way.lifetime))
        if isinstance(lifetime, int | float) and not isinstance(lifetime, bool):
            lifetime = lifetime * way.unit - (self._wall if way.absolute else 0)
        return self.fetched(member(answer, way.value), lifetime)

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
