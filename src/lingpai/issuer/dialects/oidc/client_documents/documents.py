"""Clients whose id is the address of a document that describes them, which nobody has to add or register.

draft-ietf-oauth-client-id-metadata-document-02 (below: the draft). Documents are fetched when they are needed, and kept
in memory. The store gets a row for a client when a user has consented to it, and keeps what they consented to: that
counts at the token endpoint, where nothing is fetched.
"""

import asyncio
import re
from collections import OrderedDict
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import DOCUMENT_SCHEME, App
from lingpai.core.logs import structlog
from lingpai.issuer.app_sources import AppSource, StoredApps
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.client_documents.lifetimes import seconds_fresh
from lingpai.issuer.dialects.oidc.client_policy import ClientPolicy
from lingpai.issuer.dialects.oidc.policy import CODE, REFRESH
from lingpai.issuer.dialects.oidc.registration.params import ClientMetadata
from lingpai.issuer.dialects.oidc.registration.reading import (
    BY_KEY,
    PUBLIC,
    Terms,
    described_app,
    invalid,
    redescribed,
)
from lingpai.issuer.dialects.oidc.registration.sector_documents import check_sector_document
from lingpai.issuer.fetcher import AnswerError, Fetched, Fetcher, FetchError, check_fetchable
from lingpai.issuer.policy import MINUTE, Throttling
from lingpai.issuer.sectors import check_subjects
from lingpai.issuer.throttle import LocalThrottle
from lingpai.issuer.verbs.apps import known_app

MAX_ID: Final = 512
"""Characters of such an id."""
MAX_BYTES: Final = 5 * 1024
"""Bytes of a document (the draft, §8.7)."""
MOST: Final = 1000
"""Documents that are kept; those that were used longest ago go first."""
FETCHES: Final = Throttling(seconds=MINUTE, pair=30, address=30)
"""Documents that one network may make this process fetch."""
_TERMS: Final = Terms(methods=(PUBLIC, BY_KEY), grants=(CODE, REFRESH))
_FORBIDDEN: Final = ("client_secret", "client_secret_expires_at")
"""What a document that anybody can read has not got (the draft, §4.1)."""
_DOTS = re.compile(r"(\.|%2e){1,2}", re.IGNORECASE)
_JSON_TYPE = re.compile(r"application/([a-z0-9.!#$&^_-]+\+)?json *(;|\Z)", re.IGNORECASE)

_decode = msgspec.json.Decoder(dict[str, Any]).decode
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _Kept(NamedTuple):
    app: App
    until: float


class ClientDocuments(AppSource):
    """The clients of one realm: those in the store, and those that documents describe.

    Args:
        issuer: the realm.
        fetcher: fetches documents.
        policy: which of them are admitted.
    """

    def __init__(self, issuer: Issuer, fetcher: Fetcher, policy: ClientPolicy) -> None:
        self._issuer = issuer
        self._fetcher = fetcher
        self._policy = policy
        self._stored = StoredApps(issuer)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[App]] = {}
        self._fetches = LocalThrottle(issuer.clock, FETCHES)

    @override
    async def find(self, app_id: str, address: str) -> App:
        """See `AppSource.find`: an address that is not admitted is unknown, whether or not the store has it."""
        parts = parts_of_id(app_id)
        if parts is None:
            return await self._stored.find(app_id, address)
        if not self._is_admitted(parts):
            return known_app(None)
        known = await self._issuer.store.find_app(self._issuer.realm, app_id)
        if known is not None and known.disabled:
            return known
        described = await self._described(app_id, address)
        return described if known is None else redescribed(known, described)

    @override
    async def keep(self, app: App) -> App:
        """See `AppSource.keep`; INVALID_CLIENT_METADATA when its users would get another `sub`."""
        if not app.documented:
            return app
        store = self._issuer.store
        while True:
            known = await store.find_app(self._issuer.realm, app.app_id)
            if known is None:
                fresh = msgspec.structs.replace(app, id=0, created_at=self._issuer.now())
                added = await store.add_app(fresh)
                if added is not None:
                    log.info("client_document_kept", app=app.app_id, realm=self._issuer.realm)
                    return added
                continue
            wanted = redescribed(known, app)
            await check_subjects(self._issuer, known, wanted)
            if wanted == known or await store.change_app(known, wanted):
                return wanted

    def _is_admitted(self, parts: SplitResult) -> bool:
        if self._policy.documents != "hosts":
            return self._policy.documents == "any"
        host = parts.hostname or ""
        return any(
            host.endswith(each[1:]) if each.startswith("*.") else host == each for each in self._policy.hosts
        )

    async def _described(self, app_id: str, address: str) -> App:
        """Return what the document says, fetched unless it is kept; all who ask at once share one fetch."""
        kept = self._fresh(app_id)
        if kept is not None:
            return kept
        fetching = self._fetching.get(app_id)
        if fetching is None:
            self._fetches.admit("", address)
            self._fetches.fail("", address)
            fetching = self._fetching[app_id] = asyncio.create_task(self._fetched(app_id))
            fetching.add_done_callback(lambda done: self._forget(app_id, done))
        return await asyncio.shield(fetching)

    def _forget(self, app_id: str, done: asyncio.Task[App]) -> None:
        del self._fetching[app_id]
        if not done.cancelled():
            done.exception()  # whoever waited has it; perhaps nobody does any more

    def _fresh(self, app_id: str) -> App | None:
        kept = self._kept.get(app_id)
        if kept is None or kept.until <= self._issuer.clock.steady():
            return None
        self._kept.move_to_end(app_id)
        return kept.app

    async def _fetched(self, app_id: str) -> App:
        try:
            found = await self._fetcher.fetch_document(app_id, MAX_BYTES)
            app = _app_of(self._issuer.realm, app_id, found)
            await check_sector_document(self._fetcher, app)
        except FetchError as error:
            log.warning("client_document_not_fetched", app=app_id, error=str(error))
            # Whether there is something inside goes to the log alone.
            why = f", {error}" if isinstance(error, AnswerError) else ""
            raise invalid("client_id", f"its document cannot be fetched{why}") from error
        except LingpaiError as error:
            log.warning("client_document_refused", app=app_id, error=error.reason)
            if error.kind is Kind.INVALID_REDIRECT_URI:
                raise invalid("redirect_uris", error.reason.rstrip(".")) from error
            raise
        until = self._issuer.clock.steady() + seconds_fresh(found.headers, self._issuer.clock.now())
        self._kept.pop(app_id, None)
        self._kept[app_id] = _Kept(app, until)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return app


def parts_of_id(app_id: str) -> SplitResult | None:
    """Return the parts of an id that is the address of a document (the draft, §3); None for any other."""
    if not app_id.startswith(DOCUMENT_SCHEME) or len(app_id) > MAX_ID:
        return None
    try:
        parts = check_fetchable(app_id)
    except FetchError:
        return None
    segments = parts.path.split("/")
    return None if len(segments) < 2 or any(map(_DOTS.fullmatch, segments)) else parts  # noqa: PLR2004  "", and one


def _app_of(realm: str, app_id: str, found: Fetched) -> App:
    """Return the app of a document.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI, INVALID_CLIENT_METADATA.
    """
    if not _JSON_TYPE.match(found.headers.get("content-type", "")):
        raise invalid("client_id", "its document is not called JSON")
    try:
        document = _decode(found.body)
        given = {name: value for name, value in document.items() if value not in (None, "")}
        metadata = msgspec.convert(given, ClientMetadata)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise invalid("client_id", "its document is not JSON of metadata") from error
    if document.get("client_id") != app_id:
        raise invalid("client_id", "its document is of another client")
    for name in _FORBIDDEN:
        if name in document:
            raise invalid(name, "a document has no shared secret")
    return msgspec.structs.replace(described_app(metadata, realm, _TERMS), app_id=app_id)
