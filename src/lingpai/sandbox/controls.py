"""The controls under ``/_sandbox/``, and who may use them."""

from typing import Final
from urllib.parse import urlsplit

from lingpai.core.wire import Reply
from lingpai.sandbox import control_components as third_parties
from lingpai.sandbox import control_switches as switches
from lingpai.sandbox import control_traffic as traffic
from lingpai.sandbox.control import Control, ControlError, Controls
from lingpai.sandbox.pushes import MessagesControl
from lingpai.sandbox.world import Call, World

PREFIX: Final = "/_sandbox"
PUSH: Final = "/_sandbox/push"
_RESOURCES: Final[dict[str, type[Control]]] = {
    "/_sandbox/calls": traffic.CallsControl,
    "/_sandbox/received": traffic.ReceivedControl,
    "/_sandbox/faults": traffic.FaultsControl,
    "/_sandbox/codes": traffic.CodesControl,
    "/_sandbox/valid": traffic.ValidControl,
    "/_sandbox/kill": traffic.KillControl,
    "/_sandbox/force_refresh": traffic.KillControl,
    "/_sandbox/accounts": switches.AccountsControl,
    "/_sandbox/addresses": switches.AddressesControl,
    "/_sandbox/users": switches.UsersControl,
    "/_sandbox/options": switches.OptionsControl,
    "/_sandbox/push": third_parties.PushControl,
    "/_sandbox/authorizations": third_parties.AuthorizationsControl,
    "/_sandbox/messages": MessagesControl,
}


def controls_of(world: World) -> Controls:
    """The controls of ``world`` by path."""
    return {path: control(world) for path, control in _RESOURCES.items()}


def answer(controls: Controls, call: Call) -> Reply:
    """Answer a call of a control, or of a page; what a web page of another site sends to a control is refused."""
    try:
        return _permitted(controls, call).answer(call)
    except ControlError as error:
        return error.reply()


async def push(controls: Controls, call: Call) -> Reply:
    """Answer a call that pushes something, when the callback has answered."""
    try:
        control = _permitted(controls, call)
        if not isinstance(control, third_parties.PushControl):
            raise TypeError(call.path)
        return await control.on_post(call)
    except ControlError as error:
        return error.reply()


def _permitted(controls: Controls, call: Call) -> Control:
    origin = call.headers.get("origin") if call.path.startswith(PREFIX) else None
    if origin and urlsplit(origin).netloc != call.headers.get("host"):
        raise ControlError(403, "controls are not for other sites' pages")
    control = controls.get(call.path)
    if control is None:
        raise ControlError(404, "no such control", controls=sorted(controls))
    return control
