"""Devices without a browser (RFC 8628): they begin to wait, and poll at the token endpoint."""

from collections import OrderedDict
from typing import Final

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.authorization_checks import Asking, check_scope, check_target, scope_of
from lingpai.issuer.dialects.oidc.clients import Clients
from lingpai.issuer.dialects.oidc.params import AuthorizeParams, DeviceAsked, DeviceWaits
from lingpai.issuer.dialects.oidc.policy import DEVICE, OFFLINE, OPENID
from lingpai.issuer.dialects.oidc.resources import Resources
from lingpai.issuer.verbs.apps import require_grant, require_listed
from lingpai.issuer.verbs.devices import DeviceParams, begin_device, poll_device, read_waiting
from lingpai.issuer.verbs.requests import each_once

INTERVAL: Final = 5
"""Seconds between two polls of a device."""
_JITTER: Final = 0.5
"""Seconds by which a poll may come early, as the network was faster than for the one before."""
_KEPT: Final = 10_000
"""Devices whose last poll a process keeps in mind."""


class DeviceEndpoint:
    """Where the devices of one realm begin, and how they poll.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        clients: authenticates clients.
        resources: its resource servers.
    """

    def __init__(self, issuer: Issuer, url: str, clients: Clients, resources: Resources) -> None:
        self._issuer = issuer
        self._address = url + "/device_authorization"
        self._page = url + "/device"
        self._clients = clients
        self._resources = resources
        self._polled: OrderedDict[int, float] = OrderedDict()

    async def begin(self, params: DeviceAsked, call: Call) -> DeviceWaits:
        """Let a device wait for its user."""
        app, once = await self._clients.authenticate(params, call, self._address)
        async with each_once(self._issuer, once, first=True):
            require_grant(app, DEVICE)
            require_listed(app)
            asked = AuthorizeParams(scope=params.scope, resource=params.resource)
            asking = Asking(asked, app, await self._resources.named(params.resource, app))
            check_scope(asking)
            check_target(asking)
            scope = scope_of(asking)
            words = (scope or "").split()
            named = " ".join(resource.uri for resource in asking.resources if resource is not None)
            waiting = await begin_device(
                self._issuer,
                app,
                DeviceParams(scope=scope, audience=named, offline=OPENID not in words or OFFLINE in words),
            )
        return DeviceWaits(
            device_code=waiting.device_code,
            user_code=waiting.user_code,
            verification_uri=self._page,
            verification_uri_complete=f"{self._page}?user_code={waiting.user_code}",
            expires_in=self._issuer.policy.device,
            interval=INTERVAL,
        )

    async def code_of(self, app: App, device_code: str | None) -> str:
        """Return the code that a device has to redeem now.

        Raises:
            LingpaiError: AUTHORIZATION_PENDING, SLOW_DOWN, EXPIRED_DEVICE_CODE (RFC 8628 §3.5); MISSING_PARAMETER,
                INVALID_CODE, ACCESS_DENIED.
        """
        if device_code is None:
            raise LingpaiError(
                Kind.MISSING_PARAMETER, "The parameter device_code is missing.", parameter="device_code"
            )
        device = await read_waiting(self._issuer, app, device_code)
        hasty = self._is_hasty(device.id)
        code = await poll_device(self._issuer, device)
        if code is not None:
            return code
        if hasty:
            raise LingpaiError(Kind.SLOW_DOWN, "The device polls too often.")
        raise LingpaiError(Kind.AUTHORIZATION_PENDING, "The user has yet to answer.")

    def _is_hasty(self, device: int) -> bool:
        """Return whether this process saw a poll of the device, by its row, less than the interval ago."""
        now, polled = self._issuer.clock.steady(), self._polled
        last = polled.pop(device, None)
        polled[device] = now
        if len(polled) > _KEPT:
            polled.popitem(last=False)
        return last is not None and now < last + INTERVAL - _JITTER
