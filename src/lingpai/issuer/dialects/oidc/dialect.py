"""What the dialect `oidc` declares."""

from typing import Final

from lingpai.core.setting_types import Network, Section
from lingpai.issuer.dialect import Dialect, Mounted, Mounting
from lingpai.issuer.dialects.oidc.policy import GRANTS, POLICY
from lingpai.issuer.dialects.oidc.routes import fallback, routes
from lingpai.issuer.dialects.oidc.samples import SAMPLES
from lingpai.issuer.dialects.oidc.shape import style
from lingpai.issuer.fetcher import Fetcher
from lingpai.issuer.pages import Pages
from lingpai.issuer.pages.standard import Standard


class OidcSettings(Section):
    """Settings of a realm of the dialect."""

    fetch_networks: tuple[Network, ...] = ()
    """oidc only: CIDR blocks of your own network from which keys of apps may be fetched (`jwks_uri`). Other addresses
    that are not public are never reached."""


def _mount(realm: Mounting) -> Mounted:
    settings: OidcSettings = realm.settings
    pages = Pages(realm.issuer, realm.site, Standard(style(realm.url)), device=realm.prefix + "/device")
    declared = routes(
        realm.issuer, pages, realm.url, prefix=realm.prefix, fetcher=Fetcher(settings.fetch_networks)
    )
    return Mounted(declared, fallback(realm.prefix)).beside(pages)


OIDC: Final = Dialect(
    name="oidc",
    policy=POLICY,
    mount=_mount,
    settings=OidcSettings,
    prefix="/oidc",  # it has others' names, such as /token
    grants=GRANTS,
    id_tokens=True,
    samples=SAMPLES,
)
