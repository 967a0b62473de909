"""From an authorization request to a code."""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import (
    FOREVER,
    App,
    AuthorizationRequest,
    Grant,
    GrantKind,
    GrantState,
    Machine,
    Session,
    User,
)
from lingpai.issuer.context import Issuer
from lingpai.issuer.pkce import check_challenge
from lingpai.issuer.redirects import choose_redirect
from lingpai.issuer.scopes import narrow_scope
from lingpai.issuer.verbs.members import open_member


class Code(msgspec.Struct, frozen=True):
    """An authorization code and where it goes. `expires_in` is in seconds."""

    code: str
    expires_in: int
    answer_uri: str = ""
    state: str | None = None

    def __repr__(self) -> str:
        """Never shows the code."""
        return f"Code(expires_in={self.expires_in})"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of an authorization request, as given."""

    redirect_uri: str | None = None
    scope: str | None = None
    state: str | None = None
    challenge: str = ""
    challenge_method: str = ""
    nonce: str = ""
    machine: str = ""


async def begin_authorization(issuer: Issuer, app: App, session: Session, asked: Asked) -> str:
    """Validate a request and keep it until its user has answered; returns the handle that names it in forms.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI or WRONG_REDIRECT_URI (nothing may be redirected then),
            APP_NOT_LISTED,
            INVALID_SCOPE, INVALID_PKCE.
    """
    answer_uri = choose_redirect(
        app.redirect_uris, asked.redirect_uri, loopback_ports=issuer.policy.loopback_ports
    )
    scope = check_asked(issuer, app, asked)
    now = issuer.now()
    return await keep_request(
        issuer,
        AuthorizationRequest(
            realm=issuer.realm,
            session=session.id,
            app=app.id,
            redirect_uri=asked.redirect_uri or None,
            answer_uri=answer_uri,
            scope=scope,
            state=asked.state,
            challenge=asked.challenge,
            challenge_method=asked.challenge_method,
            nonce=asked.nonce,
            machine=asked.machine,
            created_at=now,
            ends_at=now + issuer.policy.authorization,
        ),
    )


async def keep_request(issuer: Issuer, request: AuthorizationRequest) -> str:
    """Keep a request that is known to be right until its user has answered; returns its handle."""
    kept = await issuer.store.add_request(request)
    return issuer.seal(HandleKind.AUTHORIZATION, kept.id, 0, kept.created_at)


def check_asked(issuer: Issuer, app: App, asked: Asked) -> str | None:
    """Check what may be answered by redirect; returns the scope that is granted.

    Raises:
        LingpaiError: APP_NOT_LISTED, INVALID_SCOPE or INVALID_PKCE.
    """
    if not app.usable:
        raise LingpaiError(Kind.APP_NOT_LISTED, "The app is not published.")
    if asked.challenge or asked.challenge_method or app.public:
        check_challenge(asked.challenge, asked.challenge_method)
    return narrow_scope(asked.scope, frozenset(app.scopes), issuer.policy.default_scope)


async def read_authorization(issuer: Issuer, text: str, session: Session) -> AuthorizationRequest:
    """The request that this session may answer.

    Raises:
        LingpaiError: INVALID_AUTHORIZATION when it is not one of this session, or too old.
    """
    handle = issuer.unseal(text, HandleKind.AUTHORIZATION)
    request = await issuer.store.read_request(handle.id) if handle else None
    if request is None or request.session != session.id or request.ends_at <= issuer.now():
        raise run_out()
    return request


async def check_answer(issuer: Issuer, grant: int | None, user: User) -> None:
    """Refuse to repeat an answer whose code is not out any more, or that was somebody else's (attacks B18).

    A browser goes back to what it has answered. A code that was spent would then come to its app again, which
    can only take it for a replay and end what the user allowed.

    Args:
        issuer: the realm.
        grant: the one that answered the request, or None when none has.
        user: who is about to answer.

    Raises:
        LingpaiError: INVALID_AUTHORIZATION.
    """
    if grant is None:
        return
    view = await issuer.store.read_grant(grant)
    if (
        view is None
        or not view.usable
        or view.grant.user != user.id
        or view.grant.state is not GrantState.ISSUED
        or view.grant.ends_at <= issuer.now()
    ):
        raise run_out()


async def authorize(
    issuer: Issuer, request: AuthorizationRequest, app: App, user: User, machine: Machine | None = None
) -> Code:
    """Let the user's consent make a code; however often it is submitted, it makes one (attacks B18).

    Raises:
        LingpaiError: INVALID_AUTHORIZATION when the request is gone, is another app's or was answered for
            another terminal, and as `check_answer` does; BAD_MACHINE when the terminal is not the user's.
    """
    if request.app != app.id:
        raise run_out()
    grant = await _new_grant(
        issuer,
        app,
        user,
        machine,
        Asked(
            redirect_uri=request.redirect_uri,
            scope=request.scope,
            challenge=request.challenge,
            challenge_method=request.challenge_method,
            nonce=request.nonce,
        ),
    )
    kept = await issuer.store.add_grant(grant, request.id)
    if kept is None or kept.machine != grant.machine:
        raise run_out()
    await check_answer(issuer, kept.id, user)
    return _code(issuer, kept, request.answer_uri, request.state)


async def issue_code(
    issuer: Issuer, app: App, user: User, asked: Asked, machine: Machine | None = None
) -> Code:
    """A code for a user who needs no form: the JS bridge of a page whose app they have consented to.

    Raises:
        LingpaiError: APP_NOT_LISTED, INVALID_SCOPE, INVALID_PKCE, BAD_MACHINE.
    """
    scope = check_asked(issuer, app, asked)
    grant = await _new_grant(issuer, app, user, machine, msgspec.structs.replace(asked, scope=scope))
    kept = await issuer.store.add_grant(grant)
    return _code(issuer, kept or grant, asked.redirect_uri or "", asked.state)


async def refuse_authorization(issuer: Issuer, request: AuthorizationRequest) -> None:
    """Forget a request that the user refused; a code that they allowed before ends with it."""
    if await issuer.store.drop_request(request.id):
        return
    answered = await issuer.store.read_request(request.id)
    if answered is not None and answered.grant is not None:
        await issuer.store.end_grant(answered.grant, issuer.now(), "refused by the user")


async def _new_grant(issuer: Issuer, app: App, user: User, machine: Machine | None, asked: Asked) -> Grant:
    if machine is not None and machine.owner != user.id:
        raise LingpaiError(Kind.BAD_MACHINE, "The terminal is not one of this user.")
    member = await open_member(issuer, app, user)
    now, policy = issuer.now(), issuer.policy
    return Grant(
        realm=issuer.realm,
        kind=GrantKind.USER,
        app=app.id,
        user=user.id,
        machine=machine.id if machine else None,
        member=member.id,
        scope=asked.scope,
        redirect_uri=asked.redirect_uri or None,
        challenge=asked.challenge,
        challenge_method=asked.challenge_method,
        nonce=asked.nonce,
        audience=app.audience,
        state=GrantState.ISSUED,
        created_at=now,
        ends_at=now + policy.code,
        limit_at=now + policy.family if policy.family else FOREVER,
    )


def _code(issuer: Issuer, grant: Grant, answer_uri: str, state: str | None) -> Code:
    code = issuer.seal(HandleKind.CODE, grant.id, 0, grant.created_at)
    return Code(code, max(0, grant.created_at + issuer.policy.code - issuer.now()), answer_uri, state)


def run_out() -> LingpaiError:
    """What is told to who answers what cannot be answered, or not any more."""
    return LingpaiError(Kind.INVALID_AUTHORIZATION, "This authorization has run out; begin again.")
