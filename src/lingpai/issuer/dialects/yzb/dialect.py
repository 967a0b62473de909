"""The declaration of the dialect `yzb`."""

from typing import Final

from lingpai.core.setting_types import Section
from lingpai.issuer.dialect import Dialect, Mounted, Mounting
from lingpai.issuer.dialects.yzb.bridge import BridgePages
from lingpai.issuer.dialects.yzb.policy import POLICY
from lingpai.issuer.dialects.yzb.routes import fallback, routes
from lingpai.issuer.dialects.yzb.samples import SAMPLES


class YzbSettings(Section):
    """Settings of a realm of the dialect."""

    string_status: bool = False
    """yzb only: `status` is a string in every answer. When false, it is the number 2000 where a code was redeemed
    (POST /OAuth2/token), as the original documents print it, and a string elsewhere. The official Java and Python
    clients need true: they fail on a number. The official PHP and Node.js clients accept both."""


def _mount(realm: Mounting) -> Mounted:
    settings: YzbSettings = realm.settings
    declared = routes(
        realm.issuer,
        prefix=realm.prefix,
        string_status=settings.string_status,
        secure=realm.site.secure,
    )
    pages = BridgePages(realm.issuer, realm.site, realm.prefix)
    return Mounted(declared, fallback(realm.prefix)).beside(pages)


YZB: Final = Dialect(
    name="yzb",
    policy=POLICY,
    mount=_mount,
    settings=YzbSettings,
    grants=("authorization_code", "refresh_token", "client_credential"),
    samples=SAMPLES,
)
