"""The declaration of the dialect `yilianyun`."""

from typing import Final

from lingpai.issuer.dialect import Dialect, Mounted, Mounting
from lingpai.issuer.dialects.yilianyun.policy import CODE, OWN, POLICY, REFRESH
from lingpai.issuer.dialects.yilianyun.routes import fallback, routes
from lingpai.issuer.dialects.yilianyun.samples import SAMPLES
from lingpai.issuer.dialects.yilianyun.shape import STYLE
from lingpai.issuer.pages import Pages


def _mount(realm: Mounting) -> Mounted:
    pages = Pages(realm.issuer, realm.site, STYLE)
    declared = routes(realm.issuer, pages, prefix=realm.prefix)
    return Mounted(declared, fallback(realm.prefix)).beside(pages)


YILIANYUN: Final = Dialect(
    name="yilianyun",
    policy=POLICY,
    mount=_mount,
    grants=(CODE, REFRESH, OWN),
    terminals=True,
    samples=SAMPLES,
)
