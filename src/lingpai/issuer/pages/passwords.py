"""Change one's password, and set a new one by the link of an operator."""

from http import HTTPStatus
from typing import Annotated, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.user_records import User
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import redirect
from lingpai.issuer.cookies import known_browser
from lingpai.issuer.pages.failures import log_failure
from lingpai.issuer.pages.shape import RenderedError
from lingpai.issuer.pages.site import check_sender
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.login import prove
from lingpai.issuer.verbs.passwords import change_password, open_reset_link, reset_password

_SHOWN: Final = frozenset({Kind.LOGIN_FAILED, Kind.TOO_MANY_REQUESTS, Kind.BUSY})
"""Errors that the form shows."""
Short = Annotated[str, msgspec.Meta(max_length=128)]
Link = Annotated[str, msgspec.Meta(max_length=512)]


class AnyForm(msgspec.Struct):
    """The parameters of the form for another password."""

    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class ChangeForm(msgspec.Struct):
    """The form for another password; fields that are missing are an error on the form."""

    old: str = ""
    new: str = ""
    again: str = ""
    form_token: Short = ""


class LinkPage(msgspec.Struct):
    """The link of an operator."""

    link: Link = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class ResetForm(msgspec.Struct):
    """The form of a link."""

    link: Link = ""
    new: str = ""
    again: str = ""
    form_token: Short = ""


async def show(params: AnyForm, visit: Visit) -> Reply:
    """Show the form to the user who is logged in."""
    del params
    opened = await visit.find_session()
    if opened is None:
        return redirect(visit.path("/login"), headers=visit.headers)
    return _form(visit, opened.user)


async def change(params: ChangeForm, visit: Visit) -> Reply:
    """Change the password of the user who is logged in and knows the one before; their other sessions end."""
    check_sender(visit.call)
    opened = await visit.find_session()
    if opened is None:
        return redirect(visit.path("/login"), headers=visit.headers)
    issuer, user = visit.issuer, opened.user
    _check(params.new, params.again, params.form_token, visit, user)
    browser = known_browser(issuer, visit.call, secure=visit.site.secure) or ""
    try:
        proof = await prove(
            issuer, user.login, params.old, visit.call.peer, browser=browser, form=params.form_token
        )
        visit.set_session(await change_password(issuer, proof, params.new))
    except LingpaiError as error:
        if error.kind not in _SHOWN:
            raise
        log_failure(visit, user.login, "", error)
        page = _form(visit, user, failed=error.kind.value, status=error.kind.status)
        raise RenderedError(error, page) from error
    return redirect(visit.path("", changed="1"), headers=visit.headers)


async def show_reset(params: LinkPage, visit: Visit) -> Reply:
    """Show the form of a link that is still valid."""
    await visit.find_session()
    user, _ = await open_reset_link(visit.issuer, params.link)
    return _form(visit, user, link=params.link)


async def reset(params: ResetForm, visit: Visit) -> Reply:
    """Set the password that the link is for; all sessions of its user end."""
    check_sender(visit.call)
    await visit.find_session()
    user, _ = await open_reset_link(visit.issuer, params.link)
    _check(params.new, params.again, params.form_token, visit, user, params.link)
    await reset_password(visit.issuer, params.link, params.new)
    visit.remove_session()
    return redirect(visit.path("/login", renewed="1"), headers=visit.headers)


def _check(new: str, again: str, form_token: str, visit: Visit, user: User, link: str = "") -> None:
    """Refuse a form of another page or session, and passwords that are too short or differ.

    Raises:
        RenderedError: FORGED_FORM or INVALID_PARAMETER, with the form.
    """
    least = visit.issuer.policy.least_password
    if not visit.is_own_form(form_token):
        error = LingpaiError(Kind.FORGED_FORM, "The form belongs to another session, or is too old.")
        alert = "begun_again" if visit.cookie else "no_cookie"
    elif new != again:
        error, alert = LingpaiError(Kind.INVALID_PARAMETER, "The two new passwords differ."), "differ"
    elif len(new) < least:
        error, alert = LingpaiError(Kind.INVALID_PARAMETER, "The password is too short."), "rule"
    else:
        return
    raise RenderedError(error, _form(visit, user, link=link, alert=alert, status=error.kind.status))


def _form(
    visit: Visit,
    user: User,
    *,
    link: str = "",
    failed: str = "",
    alert: str = "",
    status: int = HTTPStatus.OK,
) -> Reply:
    path = "/reset" if link else "/password"
    return visit.page(
        "password",
        status,
        action=visit.path(path),
        switch=visit.path(path, link=link),
        user=user,
        link=link,
        least=visit.issuer.policy.least_password,
        failed=failed,
        alert=alert,
    )
