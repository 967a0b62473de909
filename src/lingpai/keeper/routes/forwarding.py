"""Routes of forwarded calls: one that names the account, and the platforms' own paths for who has a phantom token."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call, Reply, Route, Shape, Source, StreamedRequest, Streams
from lingpai.keeper.access import Ask, authorize, identify
from lingpai.keeper.forwarding.bearers import bearer_of
from lingpai.keeper.forwarding.forwarder import Forwarded, Forwarder
from lingpai.keeper.forwarding.paths import target_of, token_in
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.parameters import Id
from lingpai.keeper.platforms.forwarding import Forwarding
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Platform
from lingpai.keeper.platforms.registry import platform_types
from lingpai.keeper.routes import texts
from lingpai.keeper.routes.forwarding_shapes import BothShape, ForwardingShape
from lingpai.keeper.routes.shapes import GENERIC
from lingpai.keeper.routes.token_holders import token_in_header

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
OWN_SEGMENTS = 4
"""Segments of the explicit route before the platform's path."""
HIDDEN = "access_token"
"""The placeholder that a caller of the explicit route sees instead of the platform's token."""

PlatformName = Annotated[str, msgspec.Meta(max_length=32, description=texts.PLATFORMS)]
ApiPath = Annotated[str, msgspec.Meta(description="the path as the platform documents it")]


class CallToForward(msgspec.Struct):
    """A call of a platform's API. The header `Lingpai-Label` names the secret where the account has several."""

    platform: PlatformName
    account: Id
    path: ApiPath


class ApiCall(msgspec.Struct):
    """A call of a platform's API, with a phantom token in the place of the platform's."""

    path: ApiPath


class _Known(NamedTuple):
    """A platform whose calls are forwarded, and how errors look there."""

    platform: Platform
    forwarding: Forwarding
    shape: Shape


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the routes that forward."""
    forwarder = Forwarder(keeper)
    options = keeper.options.forward
    streams = Streams(options.body_limit, options.stall)
    known = _known(keeper)

    async def forward(params: CallToForward, call: Call) -> Reply:
        one = known.get(params.platform)
        if one is None:
            names = ", ".join(known)
            raise LingpaiError(
                Kind.INVALID_PARAMETER, f"Platforms whose calls are forwarded: {names}.", parameter="platform"
            )
        call.shape = BothShape(one.shape, one.forwarding)
        caller = await identify(keeper, call, "forward")
        if caller is None:
            raise LingpaiError(Kind.MISSING_KEY, "Send a caller key as `Authorization: Bearer …`.")
        call.caller = caller.name
        label = call.header("lingpai-label")
        app = await authorize(keeper, call, Ask(one.platform, params.account, None, "forward", label))
        request = _request(call)
        target = target_of(request.target, OWN_SEGMENTS)
        place = one.forwarding.place_of(target.decoded)
        if place.parameter and token_in(target.query, place.parameter) is not None:
            raise LingpaiError(
                Kind.REPEATED_PARAMETER,
                f"Leave {place.parameter} out: it is added.",
                parameter=place.parameter,
            )
        return await forwarder.forward(Forwarded(app, caller, request, target, HIDDEN))

    def drop_in(prefix: str, here: tuple[_Known, ...]) -> Route:
        async def forward_as_client(_params: ApiCall, call: Call) -> Reply:
            request = _request(call)
            call.shape = ForwardingShape(here[0].shape, here[0].forwarding)
            token = _token_of(call, request, here)
            phantom = keeper.phantoms.read(token)
            one = next((each for each in here if phantom and each.platform.name == phantom.platform), None)
            if phantom is None or one is None:
                raise LingpaiError(
                    Kind.UNKNOWN_TOKEN, "access_token was not issued through this service, or it has expired"
                )
            call.shape = ForwardingShape(one.shape, one.forwarding)
            app, caller = await bearer_of(keeper, call, phantom, "forward")
            target = target_of(request.target)
            kind = phantom.kind if phantom.kind in one.platform.tokens else ACCESS_TOKEN
            return await forwarder.forward(Forwarded(app, caller, request, target, token, kind))

        return Route(
            METHODS, f"{prefix}{{path:path}}", ApiCall, Source.PATH, forward_as_client, here[0].shape,
            "Forward a call that has a phantom token, like the platform", Reply, "Drop-in",
            streams=streams, details=DROP_IN_DETAILS,
        )  # fmt: skip

    prefixes: dict[str, tuple[_Known, ...]] = {}
    for each in known.values():
        for prefix in each.forwarding.prefixes:
            prefixes[prefix] = (*prefixes.get(prefix, ()), each)
    return (
        Route(
            METHODS, "/v1/forward/{platform}/{account}/{path:path}", CallToForward, Source.PATH, forward, GENERIC,
            "Forward a call to the platform, with the token that this service has", Reply, "Generic",
            streams=streams, details=DETAILS,
        ),
        *(drop_in(prefix, here) for prefix, here in prefixes.items()),
    )  # fmt: skip


DETAILS = (
    "Needs a caller key with the right `forward`. Path, query and body go to the platform as they are, with the token "
    "added; the answer comes back as it is. Errors of this service have the platform's error fields too. See "
    "docs/how-to/forward.md."
)
DROP_IN_DETAILS = (
    "For clients whose base URL is this service. A phantom token is what token routes answer to a caller key with "
    "`hand_out` `phantom`. See docs/how-to/forward.md."
)


def _known(keeper: Keeper) -> Mapping[str, _Known]:
    found = {}
    for each in platform_types().values():
        platform = keeper.platforms.get(each.name)
        if platform is not None and platform.forwarding is not None:
            found[each.name] = _Known(platform, platform.forwarding, each.shape or GENERIC)
    return found


def _request(call: Call) -> StreamedRequest:
    if call.streamed is None:
        raise AssertionError("a route that streams gets the request as it came")
    return call.streamed


def _token_of(call: Call, request: StreamedRequest, here: tuple[_Known, ...]) -> str:
    """Return the token of a call, from where one of the platforms of its path has it.

    Raises:
        LingpaiError: NOT_FOUND when there is none; REPEATED_PARAMETER.
    """
    query = request.target.partition(b"?")[2]
    path = request.target.partition(b"?")[0].decode("latin-1")
    for place in dict.fromkeys(each.forwarding.place_of(path) for each in here):
        token = token_in(query, place.parameter) if place.parameter else token_in_header(call, place)
        if token:
            return token
    raise LingpaiError(Kind.NOT_FOUND, "there is nothing here")
