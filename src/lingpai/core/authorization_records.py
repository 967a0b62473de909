"""Sessions and authorization requests as values.

Times are as in `issuer_records`.
"""

import msgspec


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's login session.

    Attributes:
        salt: random and part of its handle.
        sid: random; the next session of a user who logs in again has the same. 0 for sessions of earlier releases.
    """

    id: int = 0
    realm: str
    user: int | None = None
    salt: int
    created_at: int
    ends_at: int
    sid: int = 0


class Logout(msgspec.Struct, frozen=True, kw_only=True):
    """A client that has yet to be notified that a session of its user ended.

    Attributes:
        app: row of the client.
        salt: random; the row's own.
        open_id: the user as the client knows them.
        sid: of the session, see `Session.sid`.
        left: how many more times the client is tried.
    """

    id: int
    realm: str
    app: int
    salt: int
    open_id: str
    sid: int
    left: int
    created_at: int

    def __repr__(self) -> str:
        """Shows whose it is, and not which user's."""
        return f"Logout({self.id}, app={self.app})"


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A request of an app that is kept until its user comes.

    Attributes:
        app: row of the app.
        salt: random and part of its handle.
        params: as JSON, known to be right when it was kept.
        ends_at: the latest time at which the user may come.
    """

    id: int = 0
    app: int
    salt: int
    params: str
    created_at: int
    ends_at: int

    def __repr__(self) -> str:
        """Shows whose it is, and nothing that the app sent along."""
        return f"{type(self).__name__}({self.id}, app={self.app})"


class Pushed(Waiting, frozen=True, kw_only=True):
    """An authorization request that a client pushed (RFC 9126)."""


class Device(Waiting, frozen=True, kw_only=True):
    """A device that waits for its user (RFC 8628).

    Attributes:
        user_code: keyed digest of what the user types.
    """

    user_code: bytes


class Wishes(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Requirements of a request of the standard protocol on the login (OpenID Connect Core §3.1.2.1).

    Attributes:
        max_age: seconds that the login may be old when the request is made; -1 for any.
        again: whether the user logs in again although they are logged in.
        stale: row of the session that the browser came with and that does not do, or 0.
        consent: whether the user is asked although they allowed all of it before.
        user: row of the user whom the client expects, 0 for any, below for one whom nobody is.
        login: login name that the form is filled in with.
        claims: names of the claims that the client wants in the id_token.
        jkt: thumbprint of the key that the code is bound to (RFC 9449 §10), or "".
        by_form: whether the browser posts the answer to the client (OAuth 2.0 Form Post Response Mode).
        userinfo: names of the claims that it wants at userinfo besides those of its scopes.
        single: those of both that no scope of the request has, each of which the user allows by itself.
        version: of what the client says of itself, as the user is about to see it, or ""; see `verbs.versions`.
    """

    max_age: int = -1
    again: bool = False
    stale: int = 0
    consent: bool = False
    user: int = 0
    login: str = ""
    claims: tuple[str, ...] = ()
    jkt: str = ""
    by_form: bool = False
    userinfo: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    version: str = ""


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A valid authorization request that waits for its user. The browser carries it, encrypted.

    Attributes:
        digest: random; its answer is stored under it.
        browser: digest of the cookie of the browser that may answer it.
        app_id: public id of the app.
        redirect_uri: as the request gave it; None when it gave none.
        answer_uri: the address that the answer is sent to.
        state: as given, or None when there was none.
        terminal: code of the terminal in the request, or "".
        created_at: the time of the first request; the user may have restarted it since.
        ends_at: the end of the time for an answer.
        audience: resource servers that it names, separated by blanks; None for those of the app.
        pushed: whether it keeps its digest when it begins again, as whatever browser comes with it, one answer counts.
    """

    digest: bytes
    browser: bytes
    app_id: str
    redirect_uri: str | None
    answer_uri: str
    scope: str | None = None
    state: str | None = None
    challenge: str = ""
    challenge_method: str = ""
    nonce: str = ""
    terminal: str = ""
    created_at: int
    ends_at: int
    wishes: Wishes = Wishes()
    audience: str | None = None
    pushed: bool = False

    def __repr__(self) -> str:
        """Shows whose it is, and nothing that the app sent along."""
        return f"AuthorizationRequest({self.app_id})"
