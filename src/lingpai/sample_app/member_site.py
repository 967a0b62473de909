"""A site that logs the users of one realm in, as an operator's own site does (docs/how-to/own-users.md).

It is somebody else's program: it knows the realm's address and the key, and speaks in JSON Web Tokens by a library.
"""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call, Reply
from lingpai.design.pages import HTML
from lingpai.design.templates import template
from lingpai.sample_app.rendering import page_headers, see_other

REALM: Final = "members"
"""The realm of `lingpai dev` whose users log in here."""
PATH: Final = "/members/login"
COOKIE: Final = "lingpai-sample-member"
_ALGORITHMS: Final = ["HS256"]
_SECONDS: Final = 60


class Member(msgspec.Struct, frozen=True):
    """Somebody who has an account at the site: its own stable id, and the name that is shown."""

    id: str
    name: str


MEMBERS: Final = (Member("7001", "小明"), Member("7002", "Bob"))


class AskParams(msgspec.Struct):
    """The request that the browser brings."""

    login_request: Annotated[str, msgspec.Meta(max_length=4096)]


class AnswerForm(msgspec.Struct):
    """A login: the id of a member, or "" for nobody."""

    member: Annotated[str, msgspec.Meta(max_length=16)] = ""


class MemberSite:
    """The pages of the site.

    Args:
        realm_url: the realm's address.
        key: that both share, as hex digits.
        members: who may log in; there are no passwords here.
    """

    def __init__(self, realm_url: str, key: str, members: Sequence[Member] = MEMBERS) -> None:
        self.realm_url = realm_url
        self._key = OctKey.import_key(bytes.fromhex(key))
        self._members = {each.id: each for each in members}

    async def ask(self, params: AskParams, _call: Call) -> Reply:
        """Show who can log in, to whom the realm sent."""
        try:
            token = jwt.decode(params.login_request, self._key, algorithms=_ALGORITHMS)
        except (JoseError, TypeError, ValueError) as error:  # the library iterates over a `crit` of any type
            raise _refused() from error
        claims: dict[str, Any] = token.claims
        wrong = token.header.get("typ") != "lingpai-login-request+jwt" or claims.get("iss") != self.realm_url
        if wrong or claims.get("exp", 0) < time.time():
            raise _refused()
        body = template("lingpai.sample_app", "templates", "members.html.j2").render(
            action=PATH, members=self._members.values(), app=claims.get("client_name", "")
        )
        # Browsers hold what follows a form to its page's `form-action`, and this one leads back to the realm.
        headers = page_headers({"form-action": ""})
        cookie = f"{COOKIE}={claims['jti']}; Path={PATH}; HttpOnly; SameSite=Strict"
        return Reply(body.encode(), 200, HTML, (*headers, ("set-cookie", cookie)))

    async def answer(self, params: AnswerForm, call: Call) -> Reply:
        """Send the browser back with who logged in, or with the error that nobody did."""
        pairs = (pair.strip().partition("=") for pair in (call.header("cookie") or "").split(";"))
        challenge = {name: value for name, _, value in pairs}.get(COOKIE)
        if not challenge:
            raise _refused()
        now = int(time.time())
        claims: dict[str, Any] = {"aud": self.realm_url, "jti": challenge, "iat": now, "exp": now + _SECONDS}
        member = self._members.get(params.member)
        if member is None:
            claims |= {"error": "access_denied"}
        else:
            claims |= {"sub": member.id, "nickname": member.name, "auth_time": now, "amr": ["pwd"]}
        head = {"alg": "HS256", "typ": "lingpai-login+jwt"}
        token = jwt.encode(head, claims, self._key, algorithms=_ALGORITHMS)
        location = f"{self.realm_url}/login/return?{urlencode({'login': token})}"
        return see_other(location)


def _refused() -> LingpaiError:
    return LingpaiError(Kind.INVALID_PARAMETER, "This is no request of the realm of this site.")
