"""Ask the user: which app, which permissions, for which terminal (attacks B17-B19, A10)."""

from typing import Annotated, Literal, NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, AuthorizationRequest, Machine, Session, User
from lingpai.core.wire import Call, Reply
from lingpai.issuer.authorizations import redirect
from lingpai.issuer.context import Issuer
from lingpai.issuer.pages.finishing import Finish, Wanted
from lingpai.issuer.pages.render import permission_words
from lingpai.issuer.pages.site import Site, check_sender, form_source
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.apps import require_listed
from lingpai.issuer.verbs.authorize import (
    Asked,
    begin_authorization,
    check_answer,
    read_authorization,
    refuse_authorization,
    run_out,
)
from lingpai.issuer.verbs.members import consent, needs_consent, open_member
from lingpai.issuer.verbs.sessions import check_form

Handle = Annotated[str, msgspec.Meta(max_length=128)]


class ConsentPage(msgspec.Struct):
    """The question; `request` is the handle of the authorization."""

    request: Handle = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class ConsentForm(msgspec.Struct):
    """The answer. What is allowed stands on our side, not in the form (attacks B19)."""

    request: Handle = ""
    form_token: Handle = ""
    answer: Literal["allow", "refuse", ""] = ""
    machine: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Waiting(NamedTuple):
    """An authorization that waits for its user."""

    request: AuthorizationRequest
    app: App
    wanted: Wanted


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
        opened = await visit.begin()
        handle = await begin_authorization(self._issuer, app, opened.session, asked)
        return redirect(visit.path("/consent", request=handle), headers=visit.headers)

    async def read(self, visit: Visit, session: Session, handle: str) -> Waiting:
        """What waits for this session's user.

        Raises:
            LingpaiError: INVALID_AUTHORIZATION, or, when the app has changed since, APP_NOT_LISTED or
                WRONG_REDIRECT_URI.
        """
        request = await read_authorization(visit.issuer, handle, session)
        app = await visit.issuer.store.read_app(request.app)
        if app is None:
            raise LingpaiError(Kind.INVALID_AUTHORIZATION, "The app is gone.")
        require_listed(app)
        self._finish.check(visit.issuer, app, request)
        return Waiting(request, app, self._finish.wanted(app, request))

    async def show(self, params: ConsentPage, visit: Visit) -> Reply:
        """The question, unless the user has answered it before; first of all the user logs in."""
        opened = await visit.look()
        if opened is None:
            raise run_out()
        waiting = await self.read(visit, opened.session, params.request)
        if opened.user is None:
            return redirect(visit.path("/login", request=params.request), headers=visit.headers)
        await check_answer(visit.issuer, waiting.request.grant, opened.user)
        request, app, wanted = waiting
        member = await visit.issuer.store.find_member(app.id, opened.user.id)
        if not wanted.asks_always and not needs_consent(member, wanted.scope, wanted.permissions):
            return await self._finish.allow(visit, request, app, opened.user, None)
        return await self._question(visit, waiting, opened.user, params.request)

    async def answer(self, params: ConsentForm, visit: Visit) -> Reply:
        """Do as the user says."""
        check_sender(visit.call)
        opened = await visit.look()
        if opened is None:
            raise LingpaiError(Kind.FORGED_FORM, "The session of this form is over.")
        check_form(visit.issuer, opened.session, params.form_token)
        waiting = await self.read(visit, opened.session, params.request)
        if opened.user is None:
            return redirect(visit.path("/login", request=params.request), headers=visit.headers)
        request, app, wanted = waiting
        await check_answer(visit.issuer, request.grant, opened.user)
        if params.answer == "refuse":
            await refuse_authorization(visit.issuer, request)
            return self._finish.refuse(visit, request)
        machine = await _machine(visit, opened.user, params.machine) if wanted.machine else None
        if params.answer != "allow" or (wanted.machine and machine is None):
            return await self._question(visit, waiting, opened.user, params.request, told=True)
        member = await open_member(visit.issuer, app, opened.user)
        await consent(visit.issuer, app, member, wanted.scope, wanted.permissions)
        return await self._finish.allow(visit, request, app, opened.user, machine)

    async def _question(
        self, visit: Visit, waiting: Waiting, user: User, handle: str, *, told: bool = False
    ) -> Reply:
        request, app, wanted = waiting
        machines = (
            await visit.issuer.store.list_machines(visit.issuer.realm, user.id) if wanted.machine else ()
        )
        names = (*(wanted.scope or "").split(), *wanted.permissions)
        return visit.page(
            "consent",
            form_sources=wanted.form_sources,
            action=visit.path("/consent"),
            switch=visit.path("/consent", request=handle),
            again=visit.path("/login", request=handle, again="1"),
            request=handle,
            app=app,
            user=user,
            gets=permission_words(visit.language, names),
            goes_to=form_source(request.answer_uri),
            machine=wanted.machine,
            machines=machines,
            chosen=request.machine or (machines[0].machine_code if len(machines) == 1 else ""),
            told=told,
        )


async def _machine(visit: Visit, user: User, code: str) -> Machine | None:
    """The terminal that was chosen, when it is the user's; None when none was chosen."""
    machine = await visit.issuer.store.find_machine(visit.issuer.realm, code) if code else None
    if code and (machine is None or machine.owner != user.id):
        raise LingpaiError(Kind.BAD_MACHINE, "The terminal is not one of this user.")
    return machine
