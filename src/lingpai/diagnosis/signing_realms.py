"""Check the realms that sign tokens: address, clock, their own keys, and those that their clients publish."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from lingpai.diagnosis.clocks import SKEW_FAIL, SKEW_WARN, behind_or_ahead
from lingpai.diagnosis.exposure import is_local
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.fetcher import Fetcher, FetchError
from lingpai.issuer.foreign_jose import ALGORITHMS, read_keys
from lingpai.issuer.policy import DAY
from lingpai.issuer.signing_keys import TURNED, SigningKeys
from lingpai.messages.spans import local
from lingpai.messages.translating import tr, tr_reason
from lingpai.operating.findings import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lingpai.core.issuer_records import App
    from lingpai.issuer.context import Issuer
    from lingpai.issuer.realms import Realm
    from lingpai.keeper.keeper import Keeper
    from lingpai.settings import Settings

_PATIENCE = aiohttp.ClientTimeout(total=8)
_AT_ONCE = 16
"""Clients whose keys are fetched at the same time."""
_OK = 200
_decode = msgspec.json.Decoder(dict[str, Any]).decode


async def check_signing_realms(
    settings: "Settings", keeper: "Keeper", issuers: "Mapping[str, Issuer]", *, offline: bool
) -> list[Finding]:
    """Check every such realm that is served.

    Args:
        settings: of the service.
        keeper: the open keeper.
        issuers: the realms by name.
        offline: whether nothing may be fetched.
    """
    realms = [each for each in settings.enabled_realms() if dialects()[each.dialect].id_tokens]
    if not realms:
        return []
    findings = []
    if settings.store_address.dsn is not None:
        findings.append(check_store_clock(time.time() - keeper.clock.now()))
    for realm in realms:
        issuer = issuers[realm.name]
        findings += await check_signing_keys(issuer)
        if offline:
            continue
        if settings.public_url is not None:
            findings.append(await check_address(settings.origin + realm.prefix))
        findings += await check_client_keys(issuer, _fetcher(realm))
    return findings


def check_store_clock(ahead: float) -> Finding:
    """Compare this machine's clock with the database's, whose time tokens carry.

    Args:
        ahead: seconds that this machine's clock is ahead.
    """
    if abs(ahead) <= SKEW_WARN:
        return Finding("clock", "store", "ok", tr("This machine's clock matches it."))
    verdict: Verdict = "fail" if abs(ahead) > SKEW_FAIL else "warn"
    remedy = tr("Tokens carry the database's time. Set both machines' clocks, preferably by NTP.")
    return Finding("clock", "store", verdict, behind_or_ahead(ahead), remedy)


async def check_signing_keys(issuer: "Issuer") -> list[Finding]:
    """Find keys that are about to turn, and those that should have turned; a realm that never served has none."""
    found, now = [], issuer.now()
    for key, state, until in (await SigningKeys(issuer).stored()).stages(now):
        if state != "signs":
            continue
        subject = f"{issuer.realm}/{key.alg}"
        if until is not None:
            message = tr("A new key signs from {moment}.", moment=local(issuer.wall(until)))
            remedy = tr("Clients that keep a copy of the keys must read jwks_uri again before that.")
            found.append(Finding("signing key", subject, "ok", message, remedy))
        elif key.signs_from + TURNED < now:
            message = tr("It is older than {days} days and has no successor.", days=TURNED // DAY)
            remedy = tr(
                "A running service makes one. Start it, or run `lingpai key rotate --signing --realm {realm}`.",
                realm=issuer.realm,
            )
            found.append(Finding("signing key", subject, "warn", message, remedy))
    return found


async def check_address(issuer: str) -> Finding:
    """Check that the metadata is at the public address, and names this issuer.

    Args:
        issuer: the issuer identifier.
    """
    address = issuer + "/.well-known/openid-configuration"
    remedy = tr(
        "Set public_url to the address that clients use, and let the proxy pass the path on unchanged."
    )
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE, trust_env=True) as session,
            session.get(address, allow_redirects=False) as response,
        ):
            status, body = response.status, await response.read()
    except (aiohttp.ClientError, OSError, ValueError) as error:
        message = tr("{url}: {problem}.", url=address, problem=str(error) or type(error).__name__)
        remedy = tr("Start the service; if it runs, this machine cannot reach the address that clients use.")
        return Finding("issuer", issuer, "warn", message, remedy)
    if status != _OK:
        message = tr("{url} answers {status}.", url=address, status=status)
        return Finding("issuer", issuer, "fail", message, remedy)
    named = _issuer_in(body)
    if named != issuer:
        message = tr("{url} names another issuer: {issuer}.", url=address, issuer=named or "–")
        return Finding("issuer", issuer, "fail", message, remedy)
    if issuer.startswith("http:") and not is_local(response.url.host or ""):
        message = tr("It is plain http, and clients of OpenID Connect refuse such an issuer.")
        return Finding("issuer", issuer, "warn", message, remedy)
    return Finding("issuer", issuer, "ok", tr("{url} answers.", url=address))


async def check_client_keys(issuer: "Issuer", fetcher: Fetcher) -> list[Finding]:
    """Fetch the keys that the realm's clients publish at their `jwks_uri`."""
    apps = [
        each
        for each in await issuer.store.list_apps(issuer.realm)
        if each.client.jwks_uri and not each.disabled
    ]
    turns = asyncio.Semaphore(_AT_ONCE)

    async def check(app: "App") -> Finding:
        async with turns:
            return await _check_keys_of(issuer, app, fetcher)

    return await asyncio.gather(*map(check, apps))


async def _check_keys_of(issuer: "Issuer", app: "App", fetcher: Fetcher) -> Finding:
    subject, uri = f"{issuer.realm}/{app.app_id}", app.client.jwks_uri
    remedy = tr("Ask the app's developer to publish its public keys there as a JSON Web Key Set.")
    try:
        keys = read_keys(_decode(await fetcher.fetch(uri)))
    except FetchError as error:
        message = tr("{url}: {problem}.", url=uri, problem=tr_reason(str(error)))
        remedy += " " + tr(
            "If it is in your own network, name that in realms.{realm}.fetch_networks.", realm=issuer.realm
        )
        return Finding("client keys", subject, "fail", message, remedy)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        message = tr("{url} is not a JSON Web Key Set.", url=uri)
        return Finding("client keys", subject, "fail", message, remedy)
    if not keys:
        known = ", ".join(ALGORITHMS)
        message = tr("{url} has no public key for {known}.", url=uri, known=known)
        return Finding("client keys", subject, "fail", message, remedy)
    return Finding(
        "client keys", subject, "ok", tr("{url} has {count} usable keys.", url=uri, count=len(keys))
    )


def _fetcher(realm: "Realm") -> Fetcher:
    """Return the fetcher of the realm itself."""
    allowed: Sequence[str] = getattr(realm.settings, "fetch_networks", ())
    return Fetcher(allowed)


def _issuer_in(body: bytes) -> str:
    try:
        metadata: Mapping[str, Any] = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return str(metadata.get("issuer", ""))
