"""The sandbox's users, and the login codes and user tokens that platforms give for them."""

import base64
import hashlib
import secrets
from typing import Final, Literal

from lingpai.core.clock import Clock, End, end_after
from lingpai.sandbox.state import FOREVER, Row, StateFile, Table

_INSTANT: Final = 0.05
CodeKind = Literal["oauth", "mini", "wecom"]


class User(Row):
    """A user as one account sees them."""

    account: str
    user: str
    openid: str
    unionid: str = ""
    blocked: bool = False
    subscribed: bool = True


class LoginCode(Row):
    """A single-use code that a platform hands to an app for a user."""

    account: str
    kind: CodeKind
    user: str
    scope: str = ""
    snapshot: bool = False
    outsider: bool = False
    agentid: int = 0
    used: bool = False


class Grant(Row):
    """A user's consent to an app on the web; stored under its refresh token until that ends."""

    account: str
    user: str
    openid: str
    scope: str
    snapshot: bool
    access_token: str = ""
    broken: bool = False


class UserToken(Row):
    """A user's access token, naming its grant."""

    refresh_token: str


def _digest(*parts: str) -> str:
    raw = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.urlsafe_b64encode(raw).decode()


def new_session_key() -> str:
    """A mini program's session key: 16 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(16)).decode()


class People:
    """Users, codes and user tokens of all accounts."""

    def __init__(self, state_file: StateFile, clock: Clock) -> None:
        self._clock = clock
        self._users = Table(state_file, "users", User)
        self.codes = Table(state_file, "codes", LoginCode)
        self.grants = Table(state_file, "grants", Grant)
        self.tokens = Table(state_file, "user_tokens", UserToken)

    def user(self, account: str, name: str, open_platform: str = "") -> User:
        """The user ``name`` as ``account`` sees them; the same name gives the same openid, always.

        Args:
            account: appid or corpid.
            name: what the sandbox's own user calls them, such as ``alice``.
            open_platform: apps bound to the same one share the unionid; "" gives none.
        """
        openid = "o" + _digest("openid", account, name)[:27]
        known = self._users.get(openid)
        unionid = "o" + _digest("unionid", open_platform, name)[:27] if open_platform else ""
        if known is None or known.unionid != unionid:
            blocked = known.blocked if known else False
            known = User(
                ends=FOREVER, account=account, user=name, openid=openid, unionid=unionid, blocked=blocked
            )
            self._users.put(openid, known)
        return known

    def of_openid(self, account: str, openid: str) -> User | None:
        """The user with this openid, if ``account`` has met them."""
        user = self._users.get(openid)
        return user if user and user.account == account else None

    def of_account(self, account: str) -> list[User]:
        """All users that ``account`` has met."""
        return [user for user in self._users.values() if user.account == account]

    def keep(self, user: User) -> None:
        """Keep a changed user."""
        self._users.put(user.openid, user)

    def end_in(self, seconds: float) -> End:
        """The end ``seconds`` from now."""
        return end_after(self._clock, seconds)

    def over(self, row: Row) -> bool:
        """True when ``row`` has ended."""
        return row.ends.remaining(self._clock) <= 0

    def expires_in(self, row: Row) -> int:
        """The whole seconds that an answer contains; the instant between issue and answer costs no second."""
        return max(0, int(row.ends.remaining(self._clock) + _INSTANT))

    def mint(self, code: LoginCode) -> str:
        """A new code, 32 characters like the real ones."""
        value = secrets.token_urlsafe(24)
        self.codes.put(value, code)
        return value

    def grant(self, grant: Grant, access_lifetime: float) -> str:
        """Keep a new grant; its refresh token."""
        refresh_token = f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(64)}"
        self.renew(refresh_token, grant, access_lifetime)
        return refresh_token

    def renew(self, refresh_token: str, grant: Grant, access_lifetime: float) -> None:
        """Prolong the grant's access token while it lives, else give it a new one."""
        held = self.tokens.get(grant.access_token)
        if held is None or self.over(held):
            grant.access_token = f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(64)}"
        self.grants.put(refresh_token, grant)
        token = UserToken(ends=self.end_in(access_lifetime), refresh_token=refresh_token)
        self.tokens.put(grant.access_token, token)

    def password_changed(self, account: str, name: str) -> int:
        """Break what the user had allowed before; how many grants that were."""
        mine = [
            (key, grant)
            for key, grant in self.grants.items()
            if grant.account == account and grant.user == name and not grant.broken
        ]
        for key, grant in mine:
            grant.broken = True
            self.grants.put(key, grant)
        return len(mine)
