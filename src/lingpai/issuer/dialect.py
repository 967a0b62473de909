"""The declaration of a dialect: everything that depends on the dialect, and nothing elsewhere does."""

import dataclasses
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from lingpai.core.setting_types import Section
from lingpai.core.wire import Route, Shape
from lingpai.issuer.context import Issuer
from lingpai.issuer.pages import Pages, Site
from lingpai.issuer.policy import Policy
from lingpai.issuer.samples import Samples

Fallback = tuple[tuple[str, Shape], ...]


class Mounting(NamedTuple):
    """A realm whose routes are wanted.

    Attributes:
        issuer: its verbs.
        site: where its pages are.
        prefix: the path before its paths; "" for none.
        settings: the dialect's own settings of the realm, a `Dialect.settings`.
    """

    issuer: Issuer
    site: Site
    prefix: str
    settings: Any

    @property
    def url(self) -> str:
        """The address of the realm's paths."""
        return self.site.origin + self.prefix


Leads = Callable[[], Awaitable[bool]]
"""True when this process is the one of all that does the work done once for all."""
Background = Callable[[Leads], Coroutine[Any, Any, None]]
"""Work that goes on while the service runs."""


class Mounted(NamedTuple):
    """The routes of a realm, the shapes of unrouted paths by prefix, and its work in the background."""

    routes: tuple[Route, ...]
    fallback: Fallback
    background: tuple[Background, ...] = ()

    def beside(self, pages: Pages) -> "Mounted":
        """Return these and those of the realm's pages."""
        return self._replace(
            routes=(*self.routes, *pages.routes()), fallback=(*self.fallback, *pages.fallback())
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dialect:
    """A protocol of a vendor.

    Attributes:
        name: as settings and commands name it: lower-case letters, digits and hyphens. A realm of this name exists from
            the start.
        policy: its lifetimes and rules.
        mount: returns the routes of one realm.
        settings: settings that its realms have besides the common ones. Their names differ from those of the other
            dialects: each realm may be given all of them, and a dialect reads its own.
        prefix: the path before the paths of a realm whose settings name none.
        grants: grant types, as an app's `grants` names them.
        terminals: whether users authorise apps for terminals.
        id_tokens: whether its realms sign id_tokens, with keys and algorithms of their own.
        chinese: its texts of the reference in Chinese, by English text: summaries, meanings of parameters, group.
        samples: what `lingpai dev` adds and shows; None for nothing.
    """

    name: str
    policy: Policy
    mount: Callable[[Mounting], Mounted]
    settings: type[Section] = Section
    prefix: str = ""
    grants: tuple[str, ...] = ()
    terminals: bool = False
    id_tokens: bool = False
    chinese: Callable[[], dict[str, str]] = dict
    samples: Samples | None = None
