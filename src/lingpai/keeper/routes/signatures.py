"""Signing of pages for a platform's JS-SDK, also for scripts of the pages themselves (CORS, Fetch standard).

A page that is in a browser cannot keep a key. An account therefore lists the origins of its pages: a script of one gets
signatures for pages of its own origin, which are no secret to those who see the page.
"""

import asyncio
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.origins import origin_of
from lingpai.core.wire import NO_STORE, Call, Reply, Route, Shape, Source, has_own_words
from lingpai.keeper.access import Ask, admit_page, authorize
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.parameters import BODY, Id, Secret, Url
from lingpai.keeper.routes import texts
from lingpai.keeper.routes.choices import Label, PlatformName, demand_choice, platform_of
from lingpai.keeper.routes.shapes import GENERIC
from lingpai.keeper.signing import PageSignature, sign_page

_PREFLIGHT: Final = (NO_STORE, ("allow", "OPTIONS, POST"), ("vary", "Origin"))
_ALLOWED: Final = (
    ("access-control-allow-methods", "POST"),
    ("access-control-allow-headers", "content-type, authorization, accept-language"),
    ("access-control-max-age", "600"),
)
_EXPOSED: Final = ("access-control-expose-headers", "trace-id, retry-after")

SignatureKind = Annotated[str, msgspec.Meta(max_length=32, description=texts.SIGNATURE_KINDS)]


class Signature(msgspec.Struct):
    """A page to sign; `kind` is config for the platform's usual JS-SDK."""

    platform: PlatformName
    account: Id
    url: Url
    kind: SignatureKind = "config"
    label: Label | None = None
    secret: Secret | None = None


class Signer(msgspec.Struct):
    """The account that a preflight names; its list of origins is looked at with the request itself."""

    platform: PlatformName
    account: Id


class PageToSign(NamedTuple):
    """A page: which of the platform's signatures, and the page's address."""

    kind: str
    url: str


class CorsShape(Shape):
    """A shape whose answers a page may read.

    Args:
        shape: how they look.
        origin: the page's, which an account lists.
    """

    def __init__(self, shape: Shape, origin: str) -> None:
        self._shape = shape
        self._headers = (("access-control-allow-origin", origin), _EXPOSED, ("vary", "Origin"))
        self.own_words = has_own_words(shape)

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        return self._open(self._shape.success(value, trace_id))

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        return self._open(self._shape.error(error, trace_id))

    def _open(self, reply: Reply) -> Reply:
        return msgspec.structs.replace(reply, headers=(*reply.headers, *self._headers))


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the routes of signatures over this keeper."""

    async def sign(params: Signature, call: Call) -> PageSignature | Reply:
        platform = platform_of(keeper, params.platform)
        demand_choice("kind", params.kind, platform.sign_kinds)
        ask = Ask(platform, params.account, params.secret, "sign", params.label)
        return await sign_for(keeper, call, ask, PageToSign(params.kind, params.url), GENERIC)

    preflights = Preflights(keeper)
    path, tag = "/v1/signatures/{platform}/{account}", "Generic"
    return (
        Route(("POST",), path, Signature, Source.PATH | BODY, sign, GENERIC,
              "Sign a page for a platform's JS-SDK, such as wx.config", PageSignature, tag, details=DETAILS),
        Route(("OPTIONS",), path, Signer, Source.PATH, preflights.answer, GENERIC,
              "CORS preflight of a page whose origin an account lists", Reply, tag),
    )  # fmt: skip


DETAILS = (
    "A script of a page may ask without a key when the account lists the page's origin (`lingpai account add … "
    "--origin https://www.example.com`); it gets signatures for pages of that origin alone."
)


class Preflights:
    """Answers preflights: allowed for the origins that accounts list.

    Args:
        keeper: whose accounts.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._listing = asyncio.Lock()
        self._listed_at: int | None = None
        self._origins: frozenset[str] = frozenset()

    async def answer(self, _params: Any, call: Call) -> Reply:
        """Answer one."""
        origin = call.header("origin")
        if origin is None or origin not in await self._listed():
            return Reply(b"", 204, headers=_PREFLIGHT)
        return Reply(b"", 204, headers=(*_PREFLIGHT, ("access-control-allow-origin", origin), *_ALLOWED))

    async def _listed(self) -> frozenset[str]:
        """Return all origins, read once a second at most: preflights are not authenticated."""
        async with self._listing:
            now = int(self._keeper.clock.now())
            if self._listed_at != now:
                accounts = await self._keeper.store.list_accounts()
                self._origins = frozenset(origin for each in accounts for origin in each.origins)
                self._listed_at = now
            return self._origins


async def sign_for(
    keeper: Keeper, call: Call, ask: Ask, page: PageToSign, shape: Shape
) -> PageSignature | Reply:
    """Return the signature of a page, or an answer with it that a script of a listed origin may read.

    Raises:
        LingpaiError: as `authorize` and `sign_page`; FOREIGN_URL for a script that asks for a page of another origin.
    """
    origin = call.header("origin")
    admitted = None if origin is None else await admit_page(keeper, call, ask, origin)
    if origin is None or admitted is None:
        return await sign_page(keeper, await authorize(keeper, call, ask), *page)
    call.shape = open_shape = CorsShape(shape, origin)
    if ask.secret is not None or call.bearer is not None:
        admitted = await authorize(keeper, call, ask)
    elif origin_of(page.url) != origin:
        raise LingpaiError(
            Kind.FOREIGN_URL, f"A script of {origin} gets no signature for a page of another origin."
        )
    return open_shape.success(await sign_page(keeper, admitted, *page), call.trace_id)
