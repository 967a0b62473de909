"""The declaration of the dialect `mall`."""

from typing import Final, Literal

from lingpai.core.setting_types import ScopeWord, Section
from lingpai.issuer.dialect import Dialect, Mounted, Mounting
from lingpai.issuer.dialects.mall.policy import CODE, POLICY, REFRESH, Scopes
from lingpai.issuer.dialects.mall.routes import fallback, routes
from lingpai.issuer.dialects.mall.samples import SAMPLES
from lingpai.issuer.dialects.mall.shape import STYLE
from lingpai.issuer.pages import Pages


class MallSettings(Section):
    """Settings of a realm of the dialect."""

    offered_scopes: tuple[ScopeWord, ...] = ()
    """mall only: scopes that apps may ask for besides the default; an app's own list comes before."""

    open_id_scope: ScopeWord | Literal[""] = ""
    """mall only: the scope that getOpenId needs; none when empty."""

    user_info_scope: ScopeWord | Literal[""] = ""
    """mall only: the scope that getUserInfo needs; none when empty."""


def _mount(realm: Mounting) -> Mounted:
    settings: MallSettings = realm.settings
    scopes = Scopes(
        offered=settings.offered_scopes,
        open_id=settings.open_id_scope,
        user_info=settings.user_info_scope,
    )
    pages = Pages(realm.issuer, realm.site, STYLE)
    declared = routes(realm.issuer, pages, prefix=realm.prefix, scopes=scopes)
    return Mounted(declared, fallback(realm.prefix)).beside(pages)


MALL: Final = Dialect(
    name="mall",
    policy=POLICY,
    mount=_mount,
    settings=MallSettings,
    grants=(CODE, REFRESH),
    samples=SAMPLES,
)
