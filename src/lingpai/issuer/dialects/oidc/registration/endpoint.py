"""`/register`: clients register themselves (RFC 7591), and read, change and remove what they registered (RFC 7592)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.logs import structlog
from lingpai.core.wire import Call, Reply
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.client_policy import RegistrationMode
from lingpai.issuer.dialects.oidc.policy import CODE, DEVICE, MACHINE, REFRESH
from lingpai.issuer.dialects.oidc.registration.params import ChangedMetadata, ClientMetadata, ManagedClient
from lingpai.issuer.dialects.oidc.registration.reading import (
    BY_KEY,
    PUBLIC,
    Terms,
    described_app,
    invalid,
    metadata_of,
    redescribed,
)
from lingpai.issuer.dialects.oidc.registration.sector_documents import check_sector_document
from lingpai.issuer.dialects.oidc.registration.shape import HEADERS
from lingpai.issuer.dialects.oidc.shape import JSON
from lingpai.issuer.fetcher import Fetcher
from lingpai.issuer.verbs.registrations import (
    Registered,
    change_registered,
    find_registered,
    open_initial_token,
    register_app,
    remove_registered,
    take_registration,
)

METHODS: Final = ("client_secret_basic", "client_secret_post", BY_KEY, PUBLIC)
"""The first is the method of a client that names none (RFC 7591 §2)."""
_OF_USERS: Final = (CODE, REFRESH, DEVICE)
_NEVER_SENT: Final = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)
"""What a client leaves out of a change (RFC 7592 §2.2)."""

_encode = msgspec.json.Encoder().encode
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class RegistrationEndpoint:
    """Where the clients of one realm register.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        fetcher: fetches the documents of sectors.
        mode: whether nobody may register, who has an initial access token, or anybody.
    """

    def __init__(self, issuer: Issuer, url: str, fetcher: Fetcher, mode: RegistrationMode) -> None:
        self._issuer = issuer
        self._address = url + "/register"
        self._fetcher = fetcher
        self._mode = mode

    async def register(self, params: ClientMetadata, call: Call) -> Reply:
        """Register a client."""
        if self._mode == "closed":
            raise LingpaiError(Kind.NOT_FOUND, "Nobody may register here.")
        issuer, initial = self._issuer, None
        if self._mode == "token" or call.header("authorization") is not None:
            initial = await open_initial_token(issuer, _bearer(call))
        terms = await self._terms(trusted=initial is not None, scopes=initial.scopes if initial else ())
        app = described_app(params, issuer.realm, terms)
        if initial is None:
            await take_registration(issuer, call.peer)
        await check_sector_document(self._fetcher, app)
        found = await register_app(issuer, app, initial)
        call.caller = found.app.app_id
        log.info("client_registered", app=found.app.app_id, realm=issuer.realm, mode=self._mode)
        return self._answer(found, 201)

    async def read(self, params: ManagedClient, call: Call) -> Reply:
        """Return what is registered of a client."""
        return self._answer(await self._find(params.registered, call))

    async def change(self, params: ChangedMetadata, call: Call) -> Reply:
        """Replace what is registered of a client."""
        found = await self._find(params.registered, call)
        _check_own(params, found)
        registration = found.app.registration
        scopes = registration.scopes if registration else ()
        trusted = registration is not None and not registration.open
        app = described_app(params, self._issuer.realm, await self._terms(trusted=trusted, scopes=scopes))
        await check_sector_document(self._fetcher, app)
        changed = await change_registered(self._issuer, found.app, lambda known: redescribed(known, app))
        log.info("client_changed", app=changed.app.app_id, realm=self._issuer.realm)
        return self._answer(changed)

    async def remove(self, params: ManagedClient, call: Call) -> Reply:
        """Remove a client, with all that it was granted."""
        found = await self._find(params.registered, call)
        await remove_registered(self._issuer, found.app)
        log.info("client_removed", app=found.app.app_id, realm=self._issuer.realm)
        return Reply(b"", 204, JSON, HEADERS)

    async def _find(self, app_id: str, call: Call) -> Registered:
        found = await find_registered(self._issuer, app_id, _bearer(call))
        call.caller = app_id
        return found

    async def _terms(self, *, trusted: bool, scopes: Sequence[str]) -> Terms:
        resources = await self._issuer.store.list_resources(self._issuer.realm)
        return Terms(
            methods=METHODS,
            grants=(*_OF_USERS, MACHINE) if trusted else _OF_USERS,
            refused=() if trusted else (MACHINE,),
            scopes={word for resource in resources for word in resource.scopes},
            own_scopes=scopes,
        )

    def _answer(self, found: Registered, status: int = 200) -> Reply:
        app = found.app
        about: dict[str, Any] = {"client_id": app.app_id}
        if found.secret:
            about["client_secret"] = found.secret
        about["client_id_issued_at"] = self._issuer.wall(app.created_at)
        if app.by_secret:
            about["client_secret_expires_at"] = 0
        about["registration_access_token"] = found.token
        about["registration_client_uri"] = f"{self._address}/{app.app_id}"
        return Reply(_encode(about | metadata_of(app)), status, JSON, HEADERS)


def _bearer(call: Call) -> str:
    if not call.bearer:
        raise LingpaiError(Kind.MISSING_PARAMETER, "There is no access token.")
    return call.bearer


def _check_own(params: ChangedMetadata, found: Registered) -> None:
    """Refuse a change that is of another client, or of what is not the client's to change (RFC 7592 §2.2)."""
    for name in _NEVER_SENT:
        if getattr(params, name) is not None:
            raise invalid(name, "a change does not have it")
    if params.client_id != found.app.app_id:
        raise invalid("client_id", "it is not that of the client")
    if params.client_secret and params.client_secret != found.secret:
        raise invalid("client_secret", "it is not that of the client")
