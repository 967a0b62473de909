"""Pages of a realm whose users log in at a site of the operator's own: out to the site, and back with its answer."""

from http import HTTPStatus
from typing import Annotated, NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.logs import structlog
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import answer_uri, redirect
from lingpai.issuer.delegation.keys import accepted, signing
from lingpai.issuer.delegation.messages import (
    CLOCK_SECONDS,
    MAX_ANSWER,
    NotAcceptedError,
    Signed,
    SiteAnswer,
    is_current,
    read_answer,
    write_request,
)
from lingpai.issuer.pages.authorization_responses import Pending
from lingpai.issuer.pages.consent import ConsentStep
from lingpai.issuer.pages.notices import again_path, notice
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.pages.waiting_logins import WaitingLogin, WaitingLogins
from lingpai.issuer.pages.words import TAGS
from lingpai.issuer.verbs.delegated_login import Arrival, find_subject, log_in_arrival

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class LoginReturn(msgspec.Struct):
    """The site's answer."""

    login: Annotated[str, msgspec.Meta(max_length=MAX_ANSWER)] = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class _Returned(NamedTuple):
    """An answer that is this site's, with the login of this browser that it answers."""

    signed: Signed
    waiting: WaitingLogin
    pending: Pending | None


class DelegatedLogins:
    """Sends browsers to the site, and takes its answers.

    Args:
        consent: the step that a pending authorization continues with.
        waiting: the logins that wait for the site.
    """

    def __init__(self, consent: ConsentStep, waiting: WaitingLogins) -> None:
        self._consent = consent
        self._waiting = waiting

    async def begin(
        self, visit: Visit, pending: Pending | None, *, again: bool = False, repeated: bool = False
    ) -> Reply:
        """Send the browser to the site.

        Args:
            visit: a visit after `find_session`.
            pending: the authorization that continues after the login.
            again: whether the user wants to log in, or has to, although they are logged in.
            repeated: whether this was begun a moment ago, and the site's answer was not of its time.
        """
        issuer, site = visit.issuer, visit.site
        key = signing(await issuer.store.list_login_keys(issuer.realm))
        if key is None:
            log.error("login_key_missing", realm=issuer.realm)
            return notice(visit, "not_set_up", pending, status=HTTPStatus.SERVICE_UNAVAILABLE)
        waiting = self._waiting.begin(visit, pending.text if pending else "", repeated=repeated)
        now, wishes = int(issuer.clock.now()), pending.request.wishes if pending else None
        claims = {
            "iss": site.url,
            "jti": waiting.challenge,
            "client_id": pending.app.app_id if pending else "",
            "client_name": pending.app.name if pending else "",
            "ui_locales": TAGS[visit.language],
            "prompt": "login" if again or (wishes and (wishes.again or wishes.stale)) else "",
            "login_hint": wishes.login if wishes else "",
            "iat": now,
            "exp": now + waiting.ends_at - issuer.now(),
        }
        address = answer_uri(site.login, [("login_request", write_request(key, claims))])
        return redirect(address, headers=visit.headers)

    async def finish(self, params: LoginReturn, visit: Visit) -> Reply:
        """Take the site's answer: log the user in, and continue with what waits for it."""
        opened = await visit.find_session()
        found = await self._read(params.login, visit)
        if isinstance(found, Reply):
            return found
        (answer, key), waiting, pending = found
        issuer = visit.issuer
        bound = self._waiting.is_bound(visit, answer.jti)
        if not bound:
            known = await find_subject(issuer, answer.sub) if opened and answer.sub else None
            if opened is None or known is None or known.id != opened.user.id:
                _note(visit, "it was begun by another browser or session", pending)
                return notice(visit, "elsewhere", pending, status=HTTPStatus.FORBIDDEN)
            return redirect(_onward(visit, pending), headers=visit.headers)  # the same answer came before
        if not key.used_at:
            await issuer.store.use_login_key(issuer.realm, key.number, issuer.now())
        if answer.error or _is_too_old(visit, answer, pending):
            return self._refused(visit, answer.error or "login_required", pending)
        arrival = Arrival(
            challenge=answer.jti,
            ends_at=waiting.ends_at,
            subject=answer.sub,
            nickname=answer.nickname,
            picture=answer.picture,
        )
        try:
            fresh = await log_in_arrival(issuer, arrival, opened.session if opened else None)
        except LingpaiError as error:
            if error.kind not in {Kind.REPLAYED_REQUEST, Kind.LOGIN_FAILED}:
                raise
            _note(visit, error.reason, pending)
            case = "disabled" if error.kind is Kind.LOGIN_FAILED else "not_accepted"
            return notice(visit, case, pending, status=HTTPStatus.FORBIDDEN)
        visit.set_session(fresh)
        return redirect(_onward(visit, pending), headers=visit.headers)

    async def _read(self, token: str, visit: Visit) -> _Returned | Reply:
        """Return the answer and what waits for it, or the page for one that leads to no login."""
        issuer = visit.issuer
        keys = accepted(await issuer.store.list_login_keys(issuer.realm), issuer.now())
        try:
            signed = read_answer(token, keys, visit.site.url)
        except NotAcceptedError as error:
            _note(visit, str(error), None)
            return notice(visit, "not_accepted", None, status=HTTPStatus.BAD_REQUEST)
        waiting = self._waiting.find(visit, signed.answer.jti)
        if waiting is None:
            _note(visit, "this browser has begun no such login", None)
            return notice(visit, "elsewhere", None, status=HTTPStatus.FORBIDDEN)
        pending = (await self._consent.read(visit, waiting.request)).pending if waiting.request else None
        if waiting.ends_at <= issuer.now():
            return redirect(again_path(visit, pending), headers=visit.headers)
        if not is_current(signed.answer, issuer.clock.now()):
            if waiting.repeated:
                _note(visit, "iat or exp is not within a minute of this server's time", pending)
                return notice(visit, "not_accepted", pending, status=HTTPStatus.BAD_REQUEST)
            return redirect(again_path(visit, pending, repeated="1"), headers=visit.headers)
        return _Returned(signed, waiting, pending)

    def _refused(self, visit: Visit, error: str, pending: Pending | None) -> Reply:
        """End as an error at the app, or with a page when no app waits."""
        _note(visit, error, pending)
        if pending is None:
            return notice(visit, error, None, status=HTTPStatus.FORBIDDEN)
        return self._consent.mode.fail(visit, pending, error)


def _onward(visit: Visit, pending: Pending | None) -> str:
    return visit.path("/consent", request=pending.text) if pending else visit.path("")


def _is_too_old(visit: Visit, answer: SiteAnswer, pending: Pending | None) -> bool:
    """True when the user logged in longer ago than the app accepts (OpenID Connect Core §3.1.2.1, `max_age`)."""
    if pending is None or answer.auth_time is None:
        return False
    wishes = pending.request.wishes
    longest = 0 if wishes.again else wishes.max_age
    asked_at = visit.issuer.wall(pending.request.created_at)
    return longest >= 0 and asked_at - answer.auth_time > longest + CLOCK_SECONDS


def _note(visit: Visit, reason: str, pending: Pending | None) -> None:
    """Log why nobody was logged in, without who it would have been."""
    log.warning(
        "delegated_login_refused",
        realm=visit.issuer.realm,
        address=visit.call.peer,
        app=pending.app.app_id if pending else "",
        reason=reason,
        trace_id=visit.call.trace_id,
    )
