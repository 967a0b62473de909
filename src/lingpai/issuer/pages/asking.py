"""Ask the user: which app, which permissions, for which terminal (threats B17-B19, A10)."""

from typing import Annotated, Literal, NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, AuthorizationRequest, Machine, User
from lingpai.core.wire import Call, Reply
from lingpai.issuer.admin import list_machines
from lingpai.issuer.authorizations import redirect
from lingpai.issuer.context import Issuer
from lingpai.issuer.pages.finishing import Finish, Waiting
from lingpai.issuer.pages.login_form import login_form
from lingpai.issuer.pages.render import permission_words
from lingpai.issuer.pages.shape import STATUS, Shown
from lingpai.issuer.pages.site import Site, check_sender, goes_to
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.apps import find_app, require_listed
from lingpai.issuer.verbs.authorization_requests import (
    MAX_SEALED,
    Asked,
    may_answer,
    open_request,
    renew_request,
    seal_request,
)
from lingpai.issuer.verbs.authorize import answered_by, begin_authorization, refuse_authorization
from lingpai.issuer.verbs.members import consent, needs_consent, open_member

Request = Annotated[str, msgspec.Meta(max_length=MAX_SEALED)]
"""A sealed authorization request."""


class ConsentPage(msgspec.Struct):
    """The question.

    Attributes:
        request: the sealed authorization request.
        form: not empty when a form led here: its browser goes on by a page of ours.
        lang: the language to switch to.
    """

    request: Request = ""
    form: Annotated[str, msgspec.Meta(max_length=8)] = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class ConsentForm(msgspec.Struct):
    """The answer. What is allowed is in the sealed request, and in no other field (threat B19)."""

    request: Request = ""
    form_token: Annotated[str, msgspec.Meta(max_length=128)] = ""
    answer: Literal["allow", "refuse", ""] = ""
    machine: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Opened(NamedTuple):
    """A request that came with a visit, and whether it had to begin again for this browser."""

    waiting: Waiting
    begun_again: bool


class Asking:
    """The verbs of asking the user.

    Args:
        issuer: the realm.
        site: its pages.
        finish: how its authorizations end.
    """

    def __init__(self, issuer: Issuer, site: Site, finish: Finish) -> None:
        self._issuer = issuer
        self._site = site
        self._finish = finish

    async def open(self, call: Call, app: App, asked: Asked) -> Reply:
        """See `authorizations.Entry.open`."""
        visit = Visit(self._issuer, self._site, call)
        await visit.look()
        text = begin_authorization(self._issuer, app, visit.browser(), asked)
        return redirect(visit.path("/consent", request=text), headers=visit.headers)

    async def read(self, visit: Visit, text: str) -> Opened:
        """The request that waits for this browser's user, begun again when it was another browser's or is too old.

        Raises:
            LingpaiError: INVALID_AUTHORIZATION, or, when the app has changed since, APP_NOT_LISTED,
                WRONG_REDIRECT_URI, INVALID_SCOPE or INVALID_PKCE.
        """
        request = open_request(visit.issuer, text)
        app = await find_app(visit.issuer, request.app_id)
        require_listed(app)
        self._finish.check(visit.issuer, app, request)
        begins_again = not may_answer(visit.issuer, request, visit.browser())
        if begins_again:
            request = renew_request(visit.issuer, app, request, visit.browser())
            text = seal_request(visit.issuer, request)
        return Opened(Waiting(request, app, self._finish.wanted(app, request), text), begins_again)

    async def show(self, params: ConsentPage, visit: Visit) -> Reply:
        """The question, unless the user has answered it before; first of all the user logs in."""
        opened = await visit.look()
        waiting, _ = await self.read(visit, params.request)
        if opened is None:
            return redirect(visit.path("/login", request=waiting.text), headers=visit.headers)
        await _check_answer(visit, waiting.request, opened.user)
        app, wanted = waiting.app, waiting.wanted
        member = await visit.issuer.store.find_member(app.id, opened.user.id)
        if not wanted.asks_always and not needs_consent(member, wanted.scope, wanted.permissions):
            return await self._finish.allow(visit, waiting, opened.user, None, by_form=bool(params.form))
        return await self._question(visit, waiting, opened.user)

    async def answer(self, params: ConsentForm, visit: Visit) -> Reply:
        """Do as the user says."""
        check_sender(visit.call)
        opened = await visit.look()
        waiting, begun_again = await self.read(visit, params.request)
        if opened is None:
            error = LingpaiError(Kind.LOGIN_REQUIRED, "The session of this form is over.")
            raise Shown(
                error, login_form(visit, waiting, alert="logged_out", status=STATUS[Kind.FORGED_FORM])
            )
        if begun_again or not visit.sent(params.form_token):
            kind = Kind.INVALID_AUTHORIZATION if visit.sent(params.form_token) else Kind.FORGED_FORM
            error = LingpaiError(kind, "The form is of another session, or too old.")
            page = await self._question(visit, waiting, opened.user, "begun_again", int(STATUS[kind]))
            raise Shown(error, page)
        app, wanted = waiting.app, waiting.wanted
        await _check_answer(visit, waiting.request, opened.user)
        if params.answer == "refuse":
            await refuse_authorization(visit.issuer, waiting.request)
            return self._finish.refuse(visit, waiting)
        machine = await _machine(visit, opened.user, params.machine) if wanted.machine else None
        if params.answer != "allow" or (wanted.machine and machine is None):
            return await self._question(visit, waiting, opened.user, "choose")
        member = await open_member(visit.issuer, app, opened.user)
        await consent(visit.issuer, app, member, wanted.scope, wanted.permissions)
        return await self._finish.allow(visit, waiting, opened.user, machine, by_form=True)

    async def go_on(self, params: ConsentPage, visit: Visit) -> Reply:
        """The page that takes the browser to the app once a form was answered."""
        opened = await visit.look()
        waiting, begun_again = await self.read(visit, params.request)
        if opened is None or begun_again:
            return redirect(visit.path("/consent", request=waiting.text), headers=visit.headers)
        address = await self._finish.address(visit.issuer, waiting, opened.user)
        return visit.page(
            "onward",
            switch=None,
            app=waiting.app,
            address=address,
            goes_to=goes_to(waiting.request.answer_uri),
        )

    async def _question(
        self, visit: Visit, waiting: Waiting, user: User, alert: str = "", status: int = 200
    ) -> Reply:
        request, app, wanted, text = waiting
        machines = await list_machines(visit.issuer, user) if wanted.machine else ()
        names = (*(wanted.scope or "").split(), *wanted.permissions)
        return visit.page(
            "consent",
            status,
            action=visit.path("/consent"),
            switch=visit.path("/consent", request=text),
            again=visit.path("/login", request=text, again="1"),
            request=text,
            app=app,
            user=user,
            gets=permission_words(visit.language, names),
            goes_to=goes_to(request.answer_uri),
            machine=wanted.machine,
            machines=machines,
            chosen=request.machine or (machines[0].machine_code if len(machines) == 1 else ""),
            alert=alert,
        )


async def _check_answer(visit: Visit, request: AuthorizationRequest, user: User) -> None:
    """Refuse a request whose answer cannot be given again; see `answered_by`."""
    answer = await visit.issuer.store.read_answer(request.digest)
    if answer is not None:
        await answered_by(visit.issuer, answer, user)


async def _machine(visit: Visit, user: User, code: str) -> Machine | None:
    """The terminal that was chosen, when it is the user's; None when none was chosen."""
    machine = await visit.issuer.store.find_machine(visit.issuer.realm, code) if code else None
    if code and (machine is None or machine.owner != user.id):
        raise LingpaiError(Kind.BAD_MACHINE, "The terminal is not one of this user.")
    return machine
