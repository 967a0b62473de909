"""The registry of dialects: ours, a line each, and those of other packages.

Another package adds a dialect by an entry point of the group `lingpai.dialects` whose object is a `Dialect`:

    [project.entry-points."lingpai.dialects"]
    toy = "lingpai_toy_dialect:TOY"

A program of its own may call `DIALECTS.register` instead, before it imports `lingpai.settings`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lingpai.core.plugins import Registry

if TYPE_CHECKING:
    from lingpai.issuer.dialect import Dialect

DIALECTS: Final["Registry[Dialect]"] = Registry(
    "protocol",
    "lingpai.dialects",
    "lingpai.issuer.dialect:Dialect",
    (
        "lingpai.issuer.dialects.yzb.dialect:YZB",
        "lingpai.issuer.dialects.mall.dialect:MALL",
        "lingpai.issuer.dialects.yilianyun.dialect:YILIANYUN",
        "lingpai.issuer.dialects.oidc.dialect:OIDC",
    ),
)


def dialects() -> Mapping[str, "Dialect"]:
    """Return every dialect by name; see `Registry.all`."""
    return DIALECTS.all()
