"""Controls of third-party platforms: pushes on demand, and merchants that authorise and withdraw without a page."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from lingpai.core.wire import Reply
from lingpai.sandbox import components, suites
from lingpai.sandbox.control import Control, body_of, send, wrong
from lingpai.sandbox.options import WechatApp, WechatComponent, WecomCorp, WecomSuite
from lingpai.sandbox.pushed import Pushing
from lingpai.sandbox.pushing import FAULTS, push
from lingpai.sandbox.world import Call, World

T = TypeVar("T")


class WantedPush(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to push.

    Attributes:
        component: id of the third-party platform; when absent, the first of WeChat.
        event: ``ticket``, an ``InfoType`` such as ``authorized`` or ``create_auth``, or ``echostr`` for the question
            whether the callback is right.
        members: what the push has besides, by name; ``CreateTime`` or ``TimeStamp`` in place of now.
        fault: spoils it: ``key``, ``token``, ``receiver`` (made for another), ``stale`` (11 minutes old).
        times: how often the same is pushed.
    """

    component: str = ""
    event: str = "ticket"
    members: dict[str, str] = {}
    fault: str = ""
    times: int = 1


class WantedGrant(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A merchant that authorises or withdraws, or whose refresh token or permanent code becomes another.

    Attributes:
        account: appid or corpid of the merchant.
        component: id of the third-party platform; when absent, the first of the merchant's platform.
        rights: ids of what the merchant allows, of WeChat; all when absent.
        lose: only makes another refresh token, as if an answer was lost; of WeCom another permanent code, whose
            code is pushed.
    """

    account: str
    component: str = ""
    rights: tuple[int, ...] = ()
    lose: bool = False


Consent = tuple[WechatComponent, WechatApp] | tuple[WecomSuite, WecomCorp]
"""A third-party platform, and a merchant of its platform."""


def _consent(world: World, wanted: WantedGrant) -> Consent:
    accounts = world.accounts
    app, corp = accounts.apps.get(wanted.account), accounts.corps.get(wanted.account)
    if app is not None:
        return _of(accounts.components, wanted.component), app
    if corp is not None:
        return _of(accounts.suites, wanted.component), corp
    raise wrong(f"give as account one of {', '.join([*accounts.apps, *accounts.corps])}")


def _of(known: Mapping[str, T], named: str) -> T:
    found = known.get(named) if named else next(iter(known.values()), None)
    if found is None:
        raise wrong(f"give as component one of {', '.join(known)}")
    return found


class PushControl(Control):
    """``/_sandbox/push``: pushes on demand, and what came of the last ones."""

    def on_get(self, _call: Call) -> Reply:
        """Show the last pushes, oldest first."""
        return send({"pushed": self.world.outbox.report()})

    async def on_post(self, call: Call) -> Reply:
        """Push what is wanted, see ``WantedPush``; the answers of the callback come back, status 0 when it has none."""
        wanted = body_of(call, WantedPush)
        third = _of(self.world.accounts.third_parties, wanted.component)
        if wanted.fault and wanted.fault not in FAULTS:
            raise wrong(f"give as fault one of {', '.join(FAULTS)}")
        made = [
            await push(self.world, Pushing(third.id, wanted.event, dict(wanted.members), wanted.fault))
            for _ in range(wanted.times)
        ]
        return send({"pushed": [{"status": each.status, "answer": each.answer} for each in made]})


class AuthorizationsControl(Control):
    """``/_sandbox/authorizations``: merchants that authorise and withdraw."""

    def on_get(self, _call: Call) -> Reply:
        """Show who has authorised which third-party platform."""
        shown = [
            {
                "component": each.component,
                "account": each.merchant,
                "rights": each.rights,
                "since": each.since,
                "auth_type": each.auth_type,
            }
            for each in self.world.authorizations.values()
        ]
        return send({"authorizations": shown})

    def on_post(self, call: Call) -> Reply:
        """Let a merchant authorise, see ``WantedGrant``: the code comes back and is pushed."""
        wanted = body_of(call, WantedGrant)
        consent = _consent(self.world, wanted)
        third = consent[0]
        if wanted.lose and self.world.authorizations.get(f"{third.id}|{wanted.account}") is None:
            raise wrong("the merchant has not authorised")
        code = (_lose if wanted.lose else _confirm)(self.world, consent, wanted)
        return send({"account": wanted.account, "component": third.id, "auth_code": code})

    def on_delete(self, call: Call) -> Reply:
        """Let a merchant withdraw, which is pushed."""
        wanted = body_of(call, WantedGrant)
        third, _ = _consent(self.world, wanted)
        if isinstance(third, WecomSuite):
            gone = suites.withdraw(self.world, third, wanted.account)
        else:
            gone = components.withdraw(self.world, third.id, wanted.account)
        if not gone:
            raise wrong("the merchant has not authorised")
        return send({"account": wanted.account, "component": third.id})


def _confirm(world: World, consent: Consent, wanted: WantedGrant) -> str:
    if isinstance(consent[1], WecomCorp):
        return suites.confirm(world, *consent, pushed=True)
    return components.confirm(world, *consent, wanted.rights)


def _lose(world: World, consent: Consent, wanted: WantedGrant) -> str:
    """Make another refresh token, which no code brings, or another permanent code."""
    third = consent[0]
    if isinstance(third, WecomSuite):
        return suites.reset(world, third, wanted.account)
    components.lose_refresh_token(world, third.id, wanted.account)
    return ""
