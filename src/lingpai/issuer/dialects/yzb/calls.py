"""The calls of the dialect (docs/spec/yzb.md, "Calls").

All check in the same order: the parameters (4101), the app and its secret, its address list (4000), the code or
token (4102), and then the user's permissions (4104, 4103).
"""

from typing import Any

from lingpai.core.errors import Blame, Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, Member
from lingpai.core.user_records import User
from lingpai.core.wire import Call, Reply
from lingpai.issuer.context import Issuer
from lingpai.issuer.cookies import session_of
from lingpai.issuer.dialects.yzb import params as wire
from lingpai.issuer.dialects.yzb.policy import CHECKING, SCOPE, USER_INFO
from lingpai.issuer.dialects.yzb.shape import YzbShape
from lingpai.issuer.dialects.yzb.signing import SignedPage, check_proof, verify_page
from lingpai.issuer.lookups import begin_look_up
from lingpai.issuer.throttle import LocalThrottle
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.apps import authenticate_app, check_network, known_app, require_grant
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.check import resolve, resolve_app_token
from lingpai.issuer.verbs.members import (
    count_members,
    find_open_id,
    list_members,
    needs_consent,
    require_added,
    require_permission,
)
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.sessions import check_form, require_login
from lingpai.issuer.verbs.tickets import issue_ticket

CODE, SERVER, REFRESH = "authorization_code", "client_credential", "refresh_token"
"""Grant types, as an app's `grants` names them; clients also write the second one in the plural."""


class Calls:
    """The calls of one realm.

    Args:
        issuer: the realm.
        exchanged: the shape of a code's exchange, whose `status` the original shows as a number.
        secure: whether browsers come by https.
    """

    def __init__(self, issuer: Issuer, exchanged: YzbShape, *, secure: bool = False) -> None:
        self._issuer = issuer
        self._secure = secure
        self._exchanged = exchanged
        self._checking = LocalThrottle(issuer.clock, CHECKING)

    async def token(self, params: wire.TokenParams, call: Call) -> Reply | wire.IssuedTokens:
        """Issue a user's tokens for a code, or the app's own token."""
        issuer, code = self._issuer, params.code
        if params.grant_type != CODE:
            app = await authenticate_app(issuer, str(params.app_id), params.secret, call.peer)
            call.caller = app.app_id
            if app.grants:
                require_grant(app, params.grant_type if params.grant_type in app.grants else SERVER)
            tokens = await issue_app_token(issuer, app)
            return wire.IssuedTokens(access_token=tokens.access_token, expires_in=tokens.expires_in)
        if code is None:
            raise LingpaiError(Kind.MISSING_PARAMETER, "parameter code is missing", parameter="code")
        begun = begin_look_up(issuer, code, HandleKind.CODE)
        app = await authenticate_app(issuer, str(params.app_id), params.secret, call.peer)
        call.caller = app.app_id
        if app.grants:
            require_grant(app, CODE)
        tokens = await redeem(issuer, app, code, begun=begun)
        return self._exchanged.success(_user_tokens(tokens), call.trace_id)

    async def refresh_token(self, params: wire.RefreshParams, call: Call) -> wire.UserTokens:
        """Issue a new pair of a user's tokens."""
        issuer, token = self._issuer, params.refresh_token
        begun = begin_look_up(issuer, token, HandleKind.REFRESH)
        app = await self._app(params.app_id, call)
        if app.grants:
            require_grant(app, REFRESH)
        return _user_tokens(await refresh(issuer, app, token, open_id=params.open_id, begun=begun))

    async def ticket(self, params: wire.TicketParams, call: Call) -> wire.JsTicket:
        """Issue a ticket."""
        begun = begin_look_up(self._issuer, params.access_token, HandleKind.APP_TOKEN)
        app = await self._app(params.app_id, call)
        ticket = await issue_ticket(self._issuer, app, params.access_token, begun)
        return wire.JsTicket(ticket.ticket, ticket.expires_in)

    async def check_code(self, params: wire.CheckParams, call: Call) -> wire.CheckedCode:
        """Return the end of a token or ticket of the app; nothing is consumed (threat I80)."""
        issuer, app_id, open_id = self._issuer, str(params.app_id), params.open_id
        if self._checking.failures:
            self._checking.admit(app_id, call.peer)
        if params.type == "js_ticket":
            kind, open_id = HandleKind.TICKET, None
        else:
            kind = HandleKind.APP_TOKEN if open_id is None else HandleKind.ACCESS
        begun = begin_look_up(issuer, params.code, kind)
        try:
            app = await self._app(app_id, call)
            resolved = await resolve(issuer, kind, begun, app, open_id)
        except LingpaiError as error:
            if error.blame is Blame.CALLER:
                self._checking.fail(app_id, call.peer)
            raise
        return wire.CheckedCode(resolved.expires_at)

    async def check_js_config(self, params: wire.ConfigParams, call: Call) -> wire.VerifiedPage:
        """Verify the arguments of a page's `yzb.core.config`; the header `Origin` names the page's origin."""
        if not any(name.strip() for name in _names(params.js_api_list)):
            raise LingpaiError(
                Kind.MISSING_PARAMETER, "parameter js_api_list is missing", parameter="js_api_list"
            )
        app = await self._known_app(params.app_id, call)
        page = SignedPage(
            url=params.url,
            origin=call.header("origin") or "",
            timestamp=wire.text_of(params.timestamp),
            nonce_str=params.nonce_str,
            signature=params.signature,
        )
        return wire.VerifiedPage(await verify_page(self._issuer, app, page))

    async def request_js_auth_code(self, params: wire.JsAuthCodeParams, call: Call) -> wire.JsAuthCode:
        """Issue a code of the logged-in user, for a verified page whose app they have added.

        The issuer's own window asks, with its session's cookie and form token; it has the page's origin from
        the browser, and answers to that origin only.
        """
        app = await self._known_app(params.app_id, call)
        check_proof(self._issuer, app, params.origin, params.proof)
        opened = require_login(await session_of(self._issuer, call, secure=self._secure))
        user = opened.user
        check_form(self._issuer, opened.handle, params.form_token)
        member = await self._issuer.store.find_member(app.id, user.id)
        if needs_consent(member, SCOPE):
            raise LingpaiError(Kind.NOT_ADDED, "The user did not add the app.")
        return wire.JsAuthCode((await issue_code(self._issuer, app, user, Asked())).code)

    async def user_base_info(self, params: wire.UserParams, call: Call) -> wire.BaseInfo:
        """Return a user's name, picture and sex, if the user allows it."""
        app, member, user = await self._user(params, call)
        require_added(member)
        if USER_INFO not in app.permissions:
            raise LingpaiError(Kind.NO_PERMISSION, f"The app has no permission {USER_INFO}.")
        require_permission(member, USER_INFO)
        profile = user.profile
        return wire.BaseInfo(profile.nick, profile.avatar, profile.sex)

    async def app_access(self, params: wire.UserParams, call: Call) -> list[str]:
        """Return the permissions that the user gave the app, without those that the app has lost since."""
        app, member, _ = await self._user(params, call)
        return [permission for permission in member.permissions if permission in app.permissions]

    async def app_is_added(self, params: wire.UserParams, call: Call) -> wire.Added:
        """Return whether the user has added the app."""
        _, member, _ = await self._user(params, call)
        return wire.Added(member.added)

    async def user_count(self, params: wire.CountParams, call: Call) -> wire.UserCount:
        """Return the number of users who have added the app."""
        app = await self._app_by_token(params, call)
        return wire.UserCount(await count_members(self._issuer, app))

    async def user_list(self, params: wire.ListParams, call: Call) -> list[wire.ListedUser]:
        """Return the users who have added the app, page by page."""
        app = await self._app_by_token(params, call)
        after, count = int(params.load_more_id), int(params.load_more_count)
        members = await list_members(self._issuer, app, after, count)
        return [wire.ListedUser(str(member.id), member.open_id) for member in members]

    async def _known_app(self, given: str | int, call: Call) -> App:
        """Return the app with this id; a disabled one is refused like an unknown one (threat D39)."""
        return self._seen(await self._issuer.store.find_app(self._issuer.realm, str(given)), call)

    async def _app(self, given: str | int, call: Call) -> App:
        """Return the app with this id, as `_known_app`, if it may call from this address."""
        app = await self._issuer.store.find_app(self._issuer.realm, str(given))
        if app is None or app.disabled:
            return self._seen(app, call)
        call.caller = app.app_id
        if app.networks:
            check_network(app, call.peer)
        return app

    @staticmethod
    def _seen(found: App | None, call: Call) -> App:
        app = known_app(found)
        if app.disabled:
            raise LingpaiError(Kind.UNKNOWN_APP, "The app is disabled.")
        call.caller = app.app_id
        return app

    async def _app_by_token(self, params: Any, call: Call) -> App:
        app = await self._app(params.app_id, call)
        await resolve_app_token(self._issuer, params.access_token, app)
        return app

    async def _user(self, params: wire.UserParams, call: Call) -> tuple[App, Member, User]:
        app = await self._app_by_token(params, call)
        return (app, *await find_open_id(self._issuer, app, params.open_id))


def _user_tokens(tokens: Tokens) -> wire.UserTokens:
    return wire.UserTokens(
        open_id=tokens.open_id,
        access_token=tokens.access_token,
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
        scope=tokens.scope or SCOPE,
    )


def _names(given: str | list[str]) -> list[str]:
    return given.split(",") if isinstance(given, str) else given
