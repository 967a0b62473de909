"""The calls of the dialect (docs/spec/yilianyun.md).

All check in the same order: missing parameters, the request id, the app, the timestamp, the signature, the replay, the
app's state, its mode, the scope, and then the code or token and the limit.
"""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, AppMode
from lingpai.core.wire import Call
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yilianyun import params as wire
from lingpai.issuer.dialects.yilianyun.policy import CODE, OWN, REFRESH, SCOPE
from lingpai.issuer.dialects.yilianyun.signing import SIGNED, signed
from lingpai.issuer.lookups import LookUp, begin_spending
from lingpai.issuer.scopes import narrow_scope
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs import terminals
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.apps import require_grant, require_mode
from lingpai.issuer.verbs.check import resolve_any_token, resolve_app_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.store.issuer_port import SignedRequest

NEEDED = {CODE: ("code",), REFRESH: ("refresh_token",)}
"""The parameters that a grant type needs besides."""
MODES = {CODE: AppMode.OPEN, OWN: AppMode.SELF_OWNED}
"""The mode of app that may use a grant type; others may be used by any."""


class Calls:
    """The calls of one realm."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._grants = {CODE: self._redeem, REFRESH: self._refresh, OWN: self._own}

    async def token(self, params: wire.TokenParams, call: Call) -> wire.IssuedTokens:
        """Issue tokens for a code, for a refresh token, or of a self-owned app."""
        wire.require(params, *SIGNED, "grant_type", *NEEDED.get(params.grant_type or "", ()))
        grant_type = params.grant_type or ""
        begun = begin_spending(self._issuer, params.grant_type, params.code, params.refresh_token)
        async with signed(self._issuer, params, call) as (app, request):
            grant = self._grants.get(grant_type)
            if grant is None:
                raise LingpaiError(Kind.UNSUPPORTED_GRANT_TYPE, "Unknown grant type.", parameter="grant_type")
            require_grant(app, grant_type)
            require_mode(app, MODES.get(grant_type, app.mode))
            check_scope(app, params.scope)
            return _issued(await grant(app, params, request, begun))

    async def scan(self, params: wire.ScanParams, call: Call) -> wire.IssuedTokens:
        """Issue tokens of a terminal, for the key on its screen or for its secret."""
        wire.require(params, "client_id", "machine_code")
        if params.msign is None:
            wire.require(params, "qr_key")
        wire.require(params, *SIGNED)
        machine_code, msign = wire.text_of(params.machine_code), wire.text_of(params.msign)
        async with signed(self._issuer, params, call) as (app, request):
            if params.msign is not None and params.qr_key is not None:
                raise LingpaiError(Kind.INVALID_PARAMETER, "Send either qr_key or msign.", parameter="qr_key")
            require_mode(app, AppMode.OPEN)
            scope = check_scope(app, params.scope)
            if params.qr_key is not None:
                tokens = await terminals.authorize_by_key(
                    self._issuer, app, machine_code, params.qr_key, scope, request=request
                )
            else:
                tokens = await terminals.authorize_by_secret(
                    self._issuer, app, machine_code, msign, scope, request=request
                )
            return _issued(tokens)

    async def add_printer(self, params: wire.AddPrinterParams, call: Call) -> None:
        """Bind a terminal to a self-owned app."""
        wire.require(params, *SIGNED, "machine_code", "msign", "access_token")
        machine_code, msign = wire.text_of(params.machine_code), wire.text_of(params.msign)
        async with signed(self._issuer, params, call, first=True) as (app, _):
            require_mode(app, AppMode.SELF_OWNED)
            await resolve_app_token(self._issuer, params.access_token or "", app)
            await terminals.bind_terminal(self._issuer, app, machine_code, msign)

    async def delete_printer(self, params: wire.DeletePrinterParams, call: Call) -> None:
        """Unbind a terminal; for an open app that ends the terminal's tokens."""
        wire.require(params, *SIGNED, "machine_code", "access_token")
        machine_code = wire.text_of(params.machine_code)
        async with signed(self._issuer, params, call, first=True) as (app, _):
            resolved = await resolve_any_token(self._issuer, params.access_token or "", app)
            if resolved.machine_code not in {"", machine_code}:
                raise LingpaiError(Kind.NO_PERMISSION, "The token belongs to another terminal.")
            await terminals.unbind_terminal(self._issuer, app, machine_code)

    async def _redeem(
        self, app: App, params: wire.TokenParams, request: SignedRequest | None, begun: LookUp | None
    ) -> Tokens:
        code = params.code or ""
        return await redeem(self._issuer, app, code, scope=params.scope, request=request, begun=begun)

    async def _refresh(
        self, app: App, params: wire.TokenParams, request: SignedRequest | None, begun: LookUp | None
    ) -> Tokens:
        token = params.refresh_token or ""
        return await refresh(self._issuer, app, token, scope=params.scope, request=request, begun=begun)

    async def _own(
        self, app: App, params: wire.TokenParams, request: SignedRequest | None, _begun: LookUp | None
    ) -> Tokens:
        return await issue_app_token(self._issuer, app, scope=params.scope, request=request)


def scope_of(app: App) -> str:
    """Return the largest scope of an app."""
    return " ".join(app.scopes) or SCOPE


def check_scope(app: App, asked: str | None) -> str:
    """Return the requested scope, which is required and must be within the app's.

    Raises:
        LingpaiError: MISSING_SCOPE, INVALID_SCOPE.
    """
    if asked is None:
        raise LingpaiError(Kind.MISSING_SCOPE, "The scope is missing.", parameter="scope")
    narrow_scope(asked, frozenset(scope_of(app).split()), None)
    return asked


def _issued(tokens: Tokens) -> wire.IssuedTokens:
    return wire.IssuedTokens(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        machine_code=tokens.machine_code,
        expires_in=tokens.expires_in,
        scope=tokens.scope or SCOPE,
    )
