"""Check the sites that log users in: whether they answer a request that the realm signed."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from lingpai.diagnosis.exposure import is_local
from lingpai.issuer.authorizations import answer_uri
from lingpai.issuer.context import Issuer
from lingpai.issuer.delegation.keys import signing
from lingpai.issuer.delegation.messages import CHALLENGE_SECONDS, write_request
from lingpai.issuer.realms import Realm, pages_prefix
from lingpai.messages.translating import tr
from lingpai.operating.findings import Finding
from lingpai.settings import Settings

_PATIENCE = aiohttp.ClientTimeout(total=8)
_CHALLENGE_BYTES = 32


async def check_logins(settings: Settings, issuers: Mapping[str, Issuer]) -> list[Finding]:
    """Ask the site of each realm that has one for its login page; nobody is logged in."""
    realms = [realm for realm in settings.enabled_realms() if realm.login]
    return [await _check(settings, realm, issuers[realm.name]) for realm in realms]


async def _check(settings: Settings, realm: Realm, issuer: Issuer) -> Finding:
    key = signing(await issuer.store.list_login_keys(realm.name))
    if key is None:
        message = tr("It has no login key, so nobody can log in.")
        remedy = tr(
            "Make one and give it to your site: lingpai realm login-key --realm {realm}", realm=realm.name
        )
        return Finding("login", realm.name, "fail", message, remedy)
    now = int(issuer.clock.now())
    claims = {
        "iss": settings.origin + pages_prefix(realm),
        "jti": issuer.random_bytes(_CHALLENGE_BYTES).hex(),
        "ui_locales": "en",
        "iat": now,
        "exp": now + CHALLENGE_SECONDS,
    }
    address = answer_uri(realm.login, [("login_request", write_request(key, claims))])
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE, trust_env=True) as session,
            session.get(address, allow_redirects=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, OSError, ValueError) as error:
        message = tr("{url}: {problem}.", url=realm.login, problem=str(error) or type(error).__name__)
        remedy = tr("Browsers have to reach this address; this machine does not.")
        return Finding("login", realm.name, "fail", message, remedy)
    if status >= HTTPStatus.BAD_REQUEST:
        message = tr("{url} answers a signed request with {status}.", url=realm.login, status=status)
        remedy = tr(
            "Compare LINGPAI_ISS and LINGPAI_LOGIN_KEY of your site: iss is {url}.", url=claims["iss"]
        )
        return Finding("login", realm.name, "fail", message, remedy)
    parts = urlsplit(realm.login)
    if parts.scheme == "http" and not is_local(parts.hostname or ""):
        message = tr("{url} is plain http: passwords and answers are sent unencrypted.", url=realm.login)
        return Finding("login", realm.name, "warn", message, tr("Use the https address of your site."))
    return Finding("login", realm.name, "ok", tr("{url} answers.", url=realm.login))
