"""The declaration of the dialect `oidc`."""

from typing import Final, Self

from pydantic import model_validator

from lingpai.core.setting_types import HostPattern, Network, Section
from lingpai.issuer.dialect import Dialect, Mounted, Mounting
from lingpai.issuer.dialects.oidc.backchannel import LogoutTokens
from lingpai.issuer.dialects.oidc.client_documents import ClientDocuments
from lingpai.issuer.dialects.oidc.client_policy import ClientPolicy, DocumentMode, RegistrationMode
from lingpai.issuer.dialects.oidc.policy import GRANTS, POLICY
from lingpai.issuer.dialects.oidc.routes import fallback, routes
from lingpai.issuer.dialects.oidc.samples import SAMPLES
from lingpai.issuer.dialects.oidc.shape import style
from lingpai.issuer.fetcher import Fetcher
from lingpai.issuer.pages import Pages
from lingpai.issuer.pages.standard import Standard
from lingpai.issuer.signing_keys import SigningKeys
from lingpai.issuer.verbs.logouts import Logouts


class OidcSettings(Section):
    """Settings of a realm of the dialect."""

    fetch_networks: tuple[Network, ...] = ()
    """oidc only: CIDR blocks of your own network in which apps may be called, for documents such as their keys
    (`jwks_uri`) and with logout tokens (`backchannel_logout_uri`). Other addresses that are not public are never
    reached."""

    registration: RegistrationMode = "closed"
    """oidc only: which apps may register themselves at `/register` (RFC 7591): none (`closed`), those with a token of
    `lingpai registration add` (`token`), or any (`open`). See [OpenID Connect](../how-to/oidc.md)."""

    client_documents: DocumentMode = "off"
    """oidc only: which apps may have the address of a document as their id, in which they describe themselves: none
    (`off`), those on the hosts of `client_document_hosts` (`hosts`), or any (`any`)."""

    client_document_hosts: tuple[HostPattern, ...] = ()
    """oidc only: these hosts, such as `client.example`, or `*.example.com` for any host below it."""

    @model_validator(mode="after")
    def _hosts_are_named(self) -> Self:
        if self.client_documents == "hosts" and not self.client_document_hosts:
            raise ValueError('client_documents = "hosts" needs client_document_hosts')
        return self


def _mount(realm: Mounting) -> Mounted:
    settings: OidcSettings = realm.settings
    issuer, keys, fetcher = realm.issuer, SigningKeys(realm.issuer), Fetcher(settings.fetch_networks)
    policy = ClientPolicy(settings.registration, settings.client_documents, settings.client_document_hosts)
    apps = ClientDocuments(issuer, fetcher, policy)
    logouts = Logouts(issuer, LogoutTokens(issuer, realm.url, keys, fetcher).send)
    pages = Pages(
        issuer,
        realm.site,
        Standard(style(realm.url)),
        device=realm.prefix + "/device",
        notify=logouts.send,
        apps=apps,
    )
    declared = routes(
        issuer, pages, realm.url, prefix=realm.prefix, fetcher=fetcher, keys=keys, policy=policy, apps=apps
    )
    return Mounted(declared, fallback(realm.prefix), (logouts.run,)).beside(pages)


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
