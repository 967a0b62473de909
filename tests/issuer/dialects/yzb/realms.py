"""A realm of the dialect, served on a real port, and short ways through it."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from lingpai.core.issuer_records import App, Member
from lingpai.core.user_records import Profile, User
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yzb.policy import SCOPE, USER_INFO
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.members import consent, open_member
from tests.issuer.dialects.calls import Answered, Json, Served

NOW = 1_654_576_906 - 7200
"""Unix time at which the tests begin: the originals' checkCode answers then show just what ours do."""
SECRET = "0123456789abcdef0123456789abcdef01234567"
PAGE = "https://page.example/a/b/?x=1&v=x#12"
ORIGIN = "https://page.example"


class Answer(Answered):
    @property
    def data(self) -> Any:
        """What a success holds."""
        assert self.json["status"] in {"2000", 2000}, self.body
        return self.json["data"]

    @property
    def refusal(self) -> tuple[str, str]:
        """Status and message of an error, whose envelope is whole."""
        envelope = self.json
        assert list(envelope) == ["status", "message", "data"]
        assert envelope["data"] == []
        return envelope["status"], envelope["message"]


@dataclass
class Realm(Served[Answer]):
    answer_type = Answer

    other: App
    member: Member

    # The calls, with the sample app's parameters unless others are given.

    async def code(self, user: User | None = None, app: App | None = None) -> str:
        return (await issue_code(self.issuer, app or self.app, user or self.user, Asked())).code

    async def exchange(self, code: str, **over: Any) -> Answer:
        given = {
            "app_id": self.app.app_id,
            "secret": SECRET,
            "grant_type": "authorization_code",
            "code": code,
        }
        return await self.post("/OAuth2/token", given | over)

    async def server(self, **over: Any) -> Answer:
        given = {"app_id": self.app.app_id, "secret": SECRET, "grant_type": "client_credential"}
        return await self.post("/OAuth2/token", given | over)

    async def server_token(self) -> str:
        token: str = (await self.server()).data["access_token"]
        return token

    async def ticket(self, token: str, **over: Any) -> Answer:
        given = {"app_id": self.app.app_id, "access_token": token, "type": "js_ticket"}
        return await self.post("/OAuth2/ticket", given | over)

    async def check(self, code: str, kind: str = "access_token", **over: Any) -> Answer:
        given = {"app_id": self.app.app_id, "type": kind, "code": code}
        return await self.post("/OAuth2/checkCode", given | over)

    async def refresh(self, tokens: Json, **over: Any) -> Answer:
        given = {
            "app_id": self.app.app_id,
            "grant_type": "refresh_token",
            "open_id": tokens["open_id"],
            "refresh_token": tokens["refresh_token"],
        }
        return await self.post("/OAuth2/refreshtoken", given | over)

    async def change_app(self, **over: Any) -> None:
        """Change the sample app as an operator does."""
        self.app = await self.change(self.app, **over)


async def make_realm(issuer: Issuer, url: str, http: aiohttp.ClientSession, prefix: str = "") -> Realm:
    """A realm with two apps of one owner, and a user who has added the first one."""
    realm, owner = issuer.realm, "acme"
    app = App(realm=realm, app_id="100001", owner=owner, domains=("page.example",), permissions=(USER_INFO,))
    app = await admin.declare_app(issuer, app, SECRET)
    other = await admin.declare_app(issuer, App(realm=realm, app_id="100002", owner=owner), SECRET)
    profile = Profile(nick="小紅", avatar="https://img.example/1.png", sex="2")
    user = await admin.add_user(issuer, "hong", "correct horse", profile)
    member = await consent(issuer, app, await open_member(issuer, app, user), SCOPE, [USER_INFO])
    return Realm(issuer, url, http, app, user, other, member, prefix=prefix)
