"""The page of errors: the closed set, and how each surface and each dialect really answers it."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import lingpai.issuer.dialects
from docs.generator.markdown import code, head, joined, table
from lingpai.core.errors import ADMIN_KINDS, EDGE_KINDS, ISSUER_KINDS, KEEPER_KINDS, Kind, LingpaiError
from lingpai.core.wire import Shape
from lingpai.edge.schemas import error_sample
from lingpai.keeper.platforms.registry import platform_types
from lingpai.keeper.routes import shapes
from lingpai.operating.problems import PROBLEMS

GROUPS = (
    ("Errors of the request", EDGE_KINDS, "Possible on every route."),
    ("Errors of the keeper", KEEPER_KINDS, "From the keeper's routes."),
    ("Errors of the issuer", ISSUER_KINDS, "From the issuer's protocols and pages."),
    ("Errors of the admin API", ADMIN_KINDS, "From the admin API, which tells every other kind too."),
)
_NUMBERS = ("errcode", "status", "error", "code", "error_code")
_KEEPERS = {
    "COMPATIBLE": "compatible routes",
    "GENERIC": "`/v1`, `/health`",
}
_UPSTREAMS = 40164
"""A number of the upstream's own, to see that it is passed on."""


class Surface(NamedTuple):
    """A way in which errors are written: its name for people, its shape, and the kinds that it can tell."""

    name: str
    shape: Shape
    kinds: frozenset[Kind]


def surfaces() -> list[Surface]:
    """Those of the keeper, of every dialect, and of the admin API."""
    keepers = [
        Surface(answer, getattr(shapes, name), EDGE_KINDS | KEEPER_KINDS) for name, answer in _KEEPERS.items()
    ]
    drop_ins = [
        Surface(f"drop-in, {each.name}", each.shape, EDGE_KINDS | KEEPER_KINDS)
        for each in platform_types().values()
        if each.shape is not None
    ]
    admin = Surface("admin API", PROBLEMS, EDGE_KINDS | KEEPER_KINDS | ADMIN_KINDS)
    return [*keepers, *drop_ins, *_dialects(), admin]


def page() -> str:
    """The page."""
    blocks = head(
        "Errors",
        "Every error is of one of these kinds; the log shows the kind. Each family of routes has its own format: the "
        "columns show the HTTP status, then the error number or name in the body. *Fix by* says who can correct the "
        "error: the caller, the upstream platform, the operator (settings, accounts), or the service itself.",
        "`upstream_refused` passes on the platform's own number; 40164 is an example. "
        "`missing_parameter` has a number per parameter on the drop-in routes (41002 for appid, 41004 for secret, …), "
        "and is 1 or 2 on the compatible routes. A browser that asks for a page gets a page, with a matching status.",
    )
    for title, kinds, about in GROUPS:
        answer = [each for each in surfaces() if any(kind in each.kinds for kind in kinds)]
        blocks += [f"## {title}", about]
        rows = [
            (code(kind.value), kind.blame.value, *(_answer(surface, kind) for surface in answer))
            for kind in Kind
            if kind in kinds
        ]
        blocks.append(table(("kind", "fix by", *(each.name for each in answer)), rows))
    return joined(blocks)


def _dialects() -> Iterator[Surface]:
    """The shapes that a dialect's modules define."""
    for found in pkgutil.iter_modules(lingpai.issuer.dialects.__path__):
        name = f"{lingpai.issuer.dialects.__name__}.{found.name}"
        seen: list[Mapping[Kind, Any]] = []
        for module in _modules(name):
            for value in vars(module).values():
                codes = getattr(value, "codes", None)
                if isinstance(value, type) or not isinstance(codes, Mapping) or codes in seen:
                    continue
                seen.append(codes)
                yield Surface(_label(found.name, value), value, frozenset(codes))


def _label(dialect: str, shape: Shape) -> str:
    name = type(shape).__name__.removesuffix("Shape")
    return dialect if name.lower() == dialect else f"{dialect}, {name}"


def _modules(name: str) -> Iterator[ModuleType]:
    module = importlib.import_module(name)
    yield module
    for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}."):
        yield importlib.import_module(found.name)


def _answer(surface: Surface, kind: Kind) -> str:
    if kind not in surface.kinds:
        return "–"
    # The platform's word on the app; where it refused what the caller passed, its parameter is named as well.
    number, name = (_UPSTREAMS, "") if kind is Kind.UPSTREAM_REFUSED else (None, "name")
    status, body = error_sample(surface.shape, LingpaiError(kind, "", parameter=name, code=number))
    answer = next((body[each] for each in _NUMBERS if isinstance(body, dict) and each in body), "")
    return f"{status} {code(answer)}".strip()
