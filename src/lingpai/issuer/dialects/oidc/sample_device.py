"""A device without a browser, as the sample web app plays it: it shows a code and polls (RFC 8628)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from lingpai.design.templates import template
from lingpai.issuer.dialects.oidc.policy import DEVICE
from lingpai.issuer.dialects.oidc.sample_sign_in import SCOPE, receive
from lingpai.issuer.samples import SampleClient

_PACKAGE: Final = "lingpai.issuer.dialects.oidc"
_NOTES: Final = ("device_code", "user_code", "verification_uri", "verification_uri_complete", "interval")
_SLOWER: Final = 5
"""Seconds that `slow_down` adds to the interval (RFC 8628 §3.5)."""


def markup(client: SampleClient, script: str) -> str:
    """The screen of the device."""
    page = template(_PACKAGE, "sample_pages", "device.html.j2")
    shown = {name: client.notes.get(name, "") for name in _NOTES}
    return page.render(**shown, ended=client.notes.get("ended", ""), script=script)


async def begin(client: SampleClient) -> bool:
    """Ask for a code to show."""
    asked = {"client_id": client.app_id, "scope": SCOPE}
    answer = await client.send("设备请求验证码 The device asks for a code", "/device_authorization", asked)
    client.notes |= {name: str(answer.get(name, "")) for name in _NOTES} | {"ended": ""}
    return False


async def poll(client: SampleClient) -> bool:
    """Ask whether the user has answered."""
    asked = {
        "grant_type": DEVICE,
        "client_id": client.app_id,
        "device_code": client.notes.get("device_code", ""),
    }
    answer = await client.send("设备轮询 The device polls", "/token", asked)
    error = answer.get("error", "")
    if error == "slow_down":
        client.notes["interval"] = str(int(client.notes["interval"]) + _SLOWER)
    elif error != "authorization_pending":
        client.notes |= {"device_code": "", "ended": error}
        await receive(client, answer, None)
    return not error


ACTIONS: Final[Mapping[str, Callable[[SampleClient], Awaitable[bool]]]] = {"begin": begin, "poll": poll}
"""The functions of the screen's buttons."""
