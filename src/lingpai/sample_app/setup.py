"""Set up the sample app for `lingpai dev`."""

from collections.abc import Mapping

from lingpai.devdata.issuer import FIRST, SECOND
from lingpai.devdata.keeper import CORPS, MERCHANTS
from lingpai.devdata.records import FIRST_PASSWORD, SECOND_PASSWORD, Samples
from lingpai.edge.app import EdgeApp
from lingpai.issuer.context import Issuer
from lingpai.issuer.delegation.keys import rotate
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.realms import Realm, pages_prefix
from lingpai.issuer.samples import Values
from lingpai.sample_app.app import sample_app
from lingpai.sample_app.identities import Identities, Identity, allow_callbacks
from lingpai.sample_app.member_site import PATH, MemberSite
from lingpai.sample_app.merchants import Provider
from lingpai.service import open_issuers
from lingpai.settings import Settings


async def open_sample(
    settings: Settings, samples: Samples, realms: Mapping[str, Realm], issuer_url: str, url: str
) -> EdgeApp:
    """Return the sample as a web app, after registering its redirect URIs.

    Args:
        settings: of the service, which need not be running yet.
        samples: ids and secrets of its apps, and the passwords of the users who may log in.
        realms: the realm with the samples of each dialect, by dialect.
        issuer_url: base URL of the service.
        url: base URL of the sample.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    values = samples.issuer
    identities = identities_of(values, realms)
    async with open_issuers(settings) as issuers:
        await allow_callbacks(issuers, identities, url)
        site = await _site(settings, issuers, url)
    users = ((FIRST, values[FIRST_PASSWORD]), (SECOND, values[SECOND_PASSWORD]))
    providers = [
        Provider(issuer_url, platform, account, samples.merchants_key, url, page)
        for platform, account, page in (
            ("wechat_component", samples.component_appid, MERCHANTS),
            ("wecom_suite", samples.suite_id, CORPS),
        )
    ]
    return sample_app(issuer_url, url, identities, users, site, providers)


def identities_of(values: Values, realms: Mapping[str, Realm]) -> Identities:
    """Return the sample's apps, by dialect of the given realms; none of a dialect that declares no sign-in."""
    found = {}
    for name, realm in realms.items():
        declared = dialects()[name].samples
        if declared is not None and declared.sign_in is not None:
            app_id, secret = (values[each] for each in declared.sign_in.app)
            found[name] = Identity(
                realm=realm.name,
                prefix=realm.prefix,
                app_id=app_id,
                secret=secret,
                sign_in=declared.sign_in,
                views={
                    each.name: (values[each.app[0]], values[each.app[1]] if each.app[1] else "")
                    for each in declared.sign_in.views
                },
            )
    return found


async def _site(settings: Settings, issuers: Mapping[str, Issuer], url: str) -> MemberSite | None:
    """Return the site that logs the users of one realm in, with a key of its own at each start."""
    realm = next((each for each in settings.enabled_realms() if each.login == url + PATH), None)
    if realm is None:
        return None
    key = await rotate(issuers[realm.name], at_once=True)
    return MemberSite(settings.origin + pages_prefix(realm), key.key)
