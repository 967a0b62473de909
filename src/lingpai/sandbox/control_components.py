"""Controls of third-party platforms: pushes on demand, and merchants that authorise and withdraw without a page."""

import msgspec

from lingpai.core.wire import Reply
from lingpai.sandbox.components import confirm, new_refresh_token, withdraw
from lingpai.sandbox.control import Control, body_of, send, wrong
from lingpai.sandbox.options import WechatApp, WechatComponent
from lingpai.sandbox.pushed import Pushing
from lingpai.sandbox.pushing import FAULTS, push
from lingpai.sandbox.world import Call, World


class WantedPush(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to push.

    Attributes:
        component: id of the third-party platform; the only one when absent.
        event: ``ticket``, or an ``InfoType`` such as ``authorized``.
        members: what the push has besides, by name; ``CreateTime`` in place of now.
        fault: spoils it: ``key``, ``token``, ``receiver`` (made for another), ``stale`` (11 minutes old).
        times: how often the same is pushed.
    """

    component: str = ""
    event: str = "ticket"
    members: dict[str, str] = {}
    fault: str = ""
    times: int = 1


class WantedGrant(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A merchant that authorises or withdraws, or whose refresh token becomes another.

    Attributes:
        account: appid of the merchant.
        component: id of the third-party platform; the only one when absent.
        rights: ids of what the merchant allows; all when absent.
        lose: only makes another refresh token, as if an answer was lost.
    """

    account: str
    component: str = ""
    rights: tuple[int, ...] = ()
    lose: bool = False


def _component(world: World, named: str) -> WechatComponent:
    known = world.accounts.components
    found = known.get(named) if named else next(iter(known.values()), None)
    if found is None:
        raise wrong(f"give as component one of {', '.join(known)}")
    return found


def _merchant(world: World, named: str) -> WechatApp:
    found = world.accounts.apps.get(named)
    if found is None:
        raise wrong(f"give as account one of {', '.join(world.accounts.apps)}")
    return found


class PushControl(Control):
    """``/_sandbox/push``: pushes on demand, and what came of the last ones."""

    def on_get(self, _call: Call) -> Reply:
        """Show the last pushes, oldest first."""
        return send({"pushed": self.world.outbox.report()})

    async def on_post(self, call: Call) -> Reply:
        """Push what is wanted, see ``WantedPush``; the answers of the callback come back, status 0 when it has none."""
        wanted = body_of(call, WantedPush)
        component = _component(self.world, wanted.component)
        if wanted.fault and wanted.fault not in FAULTS:
            raise wrong(f"give as fault one of {', '.join(FAULTS)}")
        made = [
            await push(self.world, Pushing(component.appid, wanted.event, dict(wanted.members), wanted.fault))
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
            }
            for each in self.world.authorizations.values()
        ]
        return send({"authorizations": shown})

    def on_post(self, call: Call) -> Reply:
        """Let a merchant authorise, see ``WantedGrant``: the code comes back and is pushed."""
        wanted = body_of(call, WantedGrant)
        component, merchant = _component(self.world, wanted.component), _merchant(self.world, wanted.account)
        if wanted.lose:
            found = self.world.authorizations.get(f"{component.appid}|{merchant.appid}")
            if found is None:
                raise wrong("the merchant has not authorised")
            found.refresh_token = new_refresh_token()
            self.world.authorizations.put(f"{component.appid}|{merchant.appid}", found)
            return send({"account": merchant.appid})
        code = confirm(self.world, component, merchant, wanted.rights)
        return send({"account": merchant.appid, "component": component.appid, "auth_code": code})

    def on_delete(self, call: Call) -> Reply:
        """Let a merchant withdraw, which is pushed."""
        wanted = body_of(call, WantedGrant)
        component = _component(self.world, wanted.component)
        if not withdraw(self.world, component.appid, wanted.account):
            raise wrong("the merchant has not authorised")
        return send({"account": wanted.account, "component": component.appid})
