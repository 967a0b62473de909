"""A realm with an app, a user and a terminal in it, and short ways through it."""

from dataclasses import dataclass

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Terminal
from lingpai.core.keyring import KeyRing
from lingpai.core.user_records import User
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.redeem import redeem

REDIRECT = "https://app.example/callback"


@dataclass
class Harness:
    issuer: Issuer
    ring: KeyRing
    app: App
    secret: str
    other: App
    user: User
    terminal: Terminal

    async def code(self, asked: Asked | None = None, terminal: Terminal | None = None) -> str:
        return (await issue_code(self.issuer, self.app, self.user, asked or Asked(), terminal)).code

    async def tokens(self, terminal: Terminal | None = None) -> Tokens:
        return await redeem(self.issuer, self.app, await self.code(terminal=terminal))


async def make_world(issuer: Issuer, ring: KeyRing) -> Harness:
    app, secret = await admin.add_app(
        issuer,
        App(
            realm=issuer.realm,
            app_id="",
            redirect_uris=(REDIRECT,),
            permissions=("user/get_user_base_info",),
            owner="acme",
        ),
    )
    other, _ = await admin.add_app(issuer, App(realm=issuer.realm, app_id="", owner="acme"))
    user = await admin.add_user(issuer, "ann", "correct horse")
    terminal = await admin.save_terminal(issuer, "4004001", owner=user, msign="terminal secret")
    return Harness(issuer, ring, app, secret, other, user, terminal)


class raises:  # noqa: N801  reads like pytest.raises
    """Expect a LingpaiError of this kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._expected = pytest.raises(LingpaiError)

    def __enter__(self) -> None:
        self._info = self._expected.__enter__()

    def __exit__(self, *about: object) -> bool:
        suppressed = bool(self._expected.__exit__(*about))  # type: ignore[arg-type]  # passed on as it came
        if suppressed:
            assert self._info.value.kind is self._kind
        return suppressed
