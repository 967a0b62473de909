"""Set up the sample app for `lingpai dev`."""

from collections.abc import Mapping

from lingpai.devdata.issuer import FIRST, SECOND
from lingpai.devdata.records import IssuerSamples
from lingpai.edge.app import EdgeApp
from lingpai.issuer.realms import Realm
from lingpai.sample_app.app import sample_app
from lingpai.sample_app.identities import Identities, Identity, allow_callbacks
from lingpai.service import open_issuers
from lingpai.settings import Settings


async def open_sample(
    settings: Settings, samples: IssuerSamples, realms: Mapping[str, Realm], issuer_url: str, url: str
) -> EdgeApp:
    """Return the sample as a web app, after registering its redirect URIs.

    Args:
        settings: of the service, which need not be running yet.
        samples: its apps, and the users who may log in.
        realms: the realm with the samples of each dialect, by dialect.
        issuer_url: base URL of the service.
        url: base URL of the sample.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    identities = identities_of(samples, realms)
    async with open_issuers(settings) as issuers:
        await allow_callbacks(issuers, identities, url)
    users = ((FIRST, samples.first_password), (SECOND, samples.second_password))
    return sample_app(issuer_url, url, identities, users)


def identities_of(samples: IssuerSamples, realms: Mapping[str, Realm]) -> Identities:
    """Return the sample's apps, by dialect of the given realms."""
    apps = {
        "yzb": (samples.yzb_app_id, samples.yzb_secret),
        "mall": (samples.mall_client_id, samples.mall_secret),
        "yilianyun": (samples.open_client_id, samples.open_secret),
    }
    return {
        dialect: Identity(
            realm=realm.name, prefix=realm.prefix, app_id=apps[dialect][0], secret=apps[dialect][1]
        )
        for dialect, realm in realms.items()
        if dialect in apps  # any library of the standard protocol is a sample of that
    }
