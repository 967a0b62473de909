"""From an authorization request to a code."""

import msgspec

from lingpai.core.authorization_records import AuthorizationRequest
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import FOREVER, App, Grant, GrantKind, GrantState, Terminal
from lingpai.core.user_records import User
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.apps import redirect_of
from lingpai.issuer.verbs.authorization_requests import (
    RENEWABLE,
    Asked,
    check_asked,
    new_request,
    run_out,
    seal_request,
)
from lingpai.issuer.verbs.members import open_member
from lingpai.store.issuer_port import Answer, Login, RequestKey


class Code(msgspec.Struct, frozen=True):
    """An authorization code and where it goes. `expires_in` is in seconds."""

    code: str
    expires_in: int
    answer_uri: str = ""
    state: str | None = None

    def __repr__(self) -> str:
        """Never shows the code."""
        return f"Code(expires_in={self.expires_in})"


def begin_authorization(issuer: Issuer, app: App, browser: str, asked: Asked) -> str:
    """Validate a request and seal it for this browser, to wait for its user's answer.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI or WRONG_REDIRECT_URI (nothing may be redirected then),
            APP_NOT_LISTED, INVALID_SCOPE, INVALID_PKCE, INVALID_PARAMETER.
    """
    answer_uri = redirect_of(issuer, app, asked.redirect_uri)
    scope = check_asked(issuer, app, asked)
    return seal_request(issuer, new_request(issuer, app, browser, asked, answer_uri=answer_uri, scope=scope))


async def answered_by(issuer: Issuer, answer: Answer, user: User) -> Grant:
    """The grant that answered a request, while its code may still be handed out (threat B18).

    A browser goes back to what it has answered. A code that was spent would then come to its app again, which
    can only take it for a replay and end what the user allowed.

    Args:
        issuer: the realm.
        answer: of the request.
        user: who is about to answer it.

    Raises:
        LingpaiError: INVALID_AUTHORIZATION: it was refused, it was somebody else's answer, or its code is not out
            any more.
    """
    view = None if answer.grant is None else await issuer.store.read_grant(answer.grant)
    if (
        view is None
        or not view.usable
        or view.grant.user != user.id
        or view.grant.state is not GrantState.ISSUED
        or view.grant.ends_at <= issuer.now()
    ):
        raise run_out()
    return view.grant


async def authorize(
    issuer: Issuer,
    request: AuthorizationRequest,
    app: App,
    user: User,
    terminal: Terminal | None = None,
    *,
    nonce: str | None = None,
    login: Login | None = None,
) -> Code:
    """Let the user's consent make a code; however often it is submitted, it makes one (threat B18).

    Args:
        issuer: the realm.
        request: what was asked.
        app: who asked.
        user: who consents.
        terminal: the terminal that they chose.
        nonce: what the grant keeps in place of the request's own.
        login: the session that it is allowed in, which knows of the grant then; one that is online ends with it.

    Raises:
        LingpaiError: LOGIN_REQUIRED when that session has ended; INVALID_AUTHORIZATION when the request has ended, is
            another app's or was answered for another terminal, and as `answered_by` does; INVALID_TERMINAL when the
            terminal is not the user's.
    """
    if request.app_id != app.app_id or request.ends_at <= issuer.now():
        raise run_out()
    grant = await new_grant(
        issuer,
        app,
        user,
        terminal,
        Asked(
            redirect_uri=request.redirect_uri,
            scope=request.scope,
            challenge=request.challenge,
            challenge_method=request.challenge_method,
            nonce=request.nonce if nonce is None else nonce,
            audience=request.audience,
        ),
    )
    if login is not None:
        grant = limited(grant, login)
    answer = await issuer.store.answer_request(key_of(request), grant, login)
    kept = await answered_by(issuer, answer, user)
    if kept.terminal != grant.terminal:
        raise run_out()
    return _code(issuer, kept, request.answer_uri, request.state)


async def code_of(issuer: Issuer, request: AuthorizationRequest, user: User) -> Code | None:
    """The code that answered a request; None when its user refused.

    Raises:
        LingpaiError: INVALID_AUTHORIZATION when it was not answered, and as `answered_by` does.
    """
    answer = await issuer.store.read_answer(request.digest)
    if answer is None:
        raise run_out()
    if answer.grant is None:
        return None
    return _code(issuer, await answered_by(issuer, answer, user), request.answer_uri, request.state)


async def issue_code(
    issuer: Issuer, app: App, user: User, asked: Asked, terminal: Terminal | None = None
) -> Code:
    """A code for a user who needs no form: the JS bridge of a page whose app they have consented to.

    Raises:
        LingpaiError: APP_NOT_LISTED, INVALID_SCOPE, INVALID_PKCE, INVALID_TERMINAL.
    """
    scope = check_asked(issuer, app, asked)
    grant = await new_grant(issuer, app, user, terminal, msgspec.structs.replace(asked, scope=scope))
    kept = await issuer.store.add_grant(grant)
    return _code(issuer, kept, asked.redirect_uri or "", asked.state)


async def refuse_authorization(issuer: Issuer, request: AuthorizationRequest) -> None:
    """Keep in mind that the user refused; a code that they allowed before ends with it."""
    answer = await issuer.store.refuse_request(key_of(request))
    if answer is None or answer.grant is None:
        return
    view = await issuer.store.read_grant(answer.grant)
    if view is not None:
        await issuer.store.end_grant(view.grant, issuer.now(), "refused by the user")


def key_of(request: AuthorizationRequest) -> RequestKey:
    """The request as the store knows it. While one that was pushed may begin again, its answer is kept."""
    ends_at = request.created_at + 2 * RENEWABLE if request.pushed else request.ends_at
    return RequestKey(request.digest, ends_at)


async def new_grant(issuer: Issuer, app: App, user: User, terminal: Terminal | None, asked: Asked) -> Grant:
    """A grant whose code is about to be issued, not stored yet.

    Raises:
        LingpaiError: INVALID_TERMINAL.
    """
    if terminal is not None and terminal.owner != user.id:
        raise LingpaiError(Kind.INVALID_TERMINAL, "The terminal is not one of this user.")
    member = await open_member(issuer, app, user)
    now, policy = issuer.now(), issuer.policy
    return Grant(
        realm=issuer.realm,
        kind=GrantKind.USER,
        app=app.id,
        user=user.id,
        terminal=terminal.id if terminal else None,
        member=member.id,
        scope=asked.scope,
        redirect_uri=asked.redirect_uri or None,
        challenge=asked.challenge,
        challenge_method=asked.challenge_method,
        nonce=asked.nonce,
        audience=app.audience if asked.audience is None else asked.audience,
        state=GrantState.ISSUED,
        created_at=now,
        ends_at=now + policy.code,
        limit_at=now + policy.family if policy.family else FOREVER,
        salt=issuer.new_salt(),
    )


def limited(grant: Grant, login: Login) -> Grant:
    """The grant with its latest end at that of the session, if it ends with it."""
    if not login.online:
        return grant
    return msgspec.structs.replace(grant, limit_at=min(grant.limit_at, login.session.ends_at))


def _code(issuer: Issuer, grant: Grant, answer_uri: str, state: str | None) -> Code:
    code = issuer.seal(HandleKind.CODE, grant.id, 0, grant.created_at, grant.salt)
    return Code(code, max(0, grant.created_at + issuer.policy.code - issuer.now()), answer_uri, state)
