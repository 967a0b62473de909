"""The page on which a user lets a device in that has no browser (RFC 8628 §3.3; threat L109).

It names the app, shows the code again and warns: whoever sends somebody a link with a code asks for their account. So
nothing happens without a press, also when the code came with the address.
"""

from typing import Annotated, Any

import msgspec

from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import redirect
from lingpai.issuer.pages.render import permission_words
from lingpai.issuer.pages.site import check_sender
from lingpai.issuer.pages.unchecked import unchecked
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.devices import (
    allow_device,
    find_device,
    read_code,
    refuse_device,
    shown_code,
)
from lingpai.issuer.verbs.members import consent, open_member

UserCode = Annotated[str, msgspec.Meta(max_length=64)]


class DevicePage(msgspec.Struct):
    """The parameters of the page; `user_code` as the device shows it."""

    user_code: UserCode = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class DeviceForm(msgspec.Struct):
    """The code, and the answer once the user has seen what it is for."""

    user_code: UserCode = ""
    form_token: Annotated[str, msgspec.Meta(max_length=128)] = ""
    answer: Annotated[str, msgspec.Meta(max_length=16)] = ""


class DeviceStep:
    """The page for devices of one realm.

    Args:
        path: of the page.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    async def show(self, params: DevicePage, visit: Visit) -> Reply:
        """Ask for the code, or show what the one in the address is for."""
        opened = await visit.find_session()
        if opened is None:
            return redirect(
                visit.path("/login", device=read_code(params.user_code) or "-"), headers=visit.headers
            )
        if not params.user_code:
            return self._page(visit, "enter")
        return await self._ask(visit, params.user_code)

    async def answer(self, params: DeviceForm, visit: Visit) -> Reply:
        """Take the code, or the user's answer."""
        check_sender(visit.call)
        opened = await visit.find_session()
        if opened is None:
            return redirect(
                visit.path("/login", device=read_code(params.user_code) or "-"), headers=visit.headers
            )
        if params.answer not in {"allow", "refuse"} or not visit.is_own_form(params.form_token):
            return await self._ask(visit, params.user_code)
        issuer = visit.issuer
        found = await find_device(issuer, params.user_code, opened.session, visit.call.peer)
        if found is None:
            return self._page(visit, "enter", alert="device_unknown", status=400)
        device, app, wanted = found
        if params.answer == "refuse":
            await refuse_device(issuer, device)
            return self._page(visit, "refused")
        member = await open_member(issuer, app, opened.user)
        await consent(issuer, app, member, wanted.scope, ())
        if not await allow_device(issuer, device, app, opened.user, opened.session, wanted):
            return self._page(visit, "enter", alert="device_unknown", status=400)
        return self._page(visit, "allowed")

    async def _ask(self, visit: Visit, user_code: str) -> Reply:
        opened = visit.opened
        found = (
            None
            if opened is None
            else await find_device(visit.issuer, user_code, opened.session, visit.call.peer)
        )
        if found is None:
            return self._page(visit, "enter", alert="device_unknown", status=400)
        _, app, wanted = found
        return self._page(
            visit,
            "confirm",
            app=app,
            unchecked=unchecked(app),
            user=None if opened is None else opened.user,
            gets=permission_words(visit.site, visit.language, tuple((wanted.scope or "").split())),
            code=shown_code(read_code(user_code)),
        )

    def _page(self, visit: Visit, step: str, *, alert: str = "", status: int = 200, **context: Any) -> Reply:
        known: dict[str, Any] = {
            "app": None,
            "unchecked": None,
            "user": None,
            "gets": [],
            "code": "",
        } | context
        return visit.page(
            "device", status, switch=self._path, action=self._path, step=step, alert=alert, **known
        )
