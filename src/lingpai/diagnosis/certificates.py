"""Say which certificate a platform presents that is not trusted: whose it is, who signed it, until when."""

import datetime as dt
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import Platform
from lingpai.messages.spans import local
from lingpai.messages.translating import tr
from lingpai.operating.findings import Finding, Verdict


async def certificate_findings(keeper: Keeper, platform: Platform, verdict: Verdict) -> list[Finding]:
    """Return what there is to say of the certificate of a platform that was not trusted.

    Args:
        keeper: the keeper.
        platform: whose.
        verdict: of the finding.
    """
    presented = await keeper.upstream.presented(platform.base_url, platform.way_out)
    if presented is None:
        return []
    try:
        certificate = x509.load_der_x509_certificate(presented)
        names = ", ".join(_names_in(certificate))
    except ValueError:
        return [
            Finding("tls", platform.name, verdict, tr("The certificate that it presents cannot be read."))
        ]
    ends_at = certificate.not_valid_after_utc
    message = tr(
        "It presents a certificate for {names}, signed by {issuer}, valid until {until}.",
        names=names or "–",
        issuer=certificate.issuer.rfc4514_string() or "–",
        until=local(ends_at.timestamp()),
    )
    host = urlsplit(platform.base_url).hostname or ""
    return [Finding("tls", platform.name, verdict, message, _remedy(platform.name, certificate, host))]


def _names_in(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return [certificate.subject.rfc4514_string()]
    if not isinstance(found, x509.SubjectAlternativeName):
        return []
    addresses = map(str, found.get_values_for_type(x509.IPAddress))
    return [*found.get_values_for_type(x509.DNSName), *addresses]


def _remedy(platform: str, certificate: x509.Certificate, host: str) -> str:
    now = dt.datetime.now(dt.UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return tr("Check this machine's clock; else whoever runs that server has to renew the certificate.")
    if certificate.issuer == certificate.subject or host in _names_in(certificate):
        return tr(
            "If it is your own server or a proxy of yours that opens TLS, set {name}.ca_bundle to a file with the "
            "authority that signed it.",
            name=platform,
        )
    return tr("Check {name}.base_url, DNS and proxies: another server answers.", name=platform)
