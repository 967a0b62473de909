"""The service as its operators see it, by the settings: for commands, the admin API and the console."""

from collections.abc import Mapping

from lingpai.diagnosis.doctor import Doctor
from lingpai.issuer.context import Issuer
from lingpai.keeper.keeper import Keeper
from lingpai.operating.site import Site
from lingpai.settings import Settings


def site_of(settings: Settings, keeper: Keeper, issuers: Mapping[str, Issuer]) -> Site:
    """Return the service as operators see it; it acts for nobody yet.

    Args:
        settings: of the service.
        keeper: the token hub.
        issuers: every realm, disabled ones too.
    """
    enabled = frozenset(realm.name for realm in settings.enabled_realms())
    realms, named = settings.all_realms(), settings.named_realms()
    return Site.of(
        keeper, issuers, realms, enabled, examiner=Doctor(settings), origin=settings.origin, named=named
    )
