"""Controls of the traffic: what was called, what the next calls meet, which tokens and codes are out."""

import falcon.asgi
import msgspec

from lingpai.sandbox.control import Control, body_of, send, wrong
from lingpai.sandbox.faults import KINDS, Fault
from lingpai.sandbox.handles import Handle, Handles
from lingpai.sandbox.minting import MintCode, mint


class TokenGiven(msgspec.Struct, forbid_unknown_fields=True):
    """The access token or ticket to kill."""

    access_token: str = ""
    ticket: str = ""


class CallsControl(Control):
    """``/_sandbox/calls``: how often what was called, by path and account."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The counts, of one ``path`` or ``account`` if given."""
        path, account = req.get_param("path"), req.get_param("account", default=None)
        send(resp, self.world.calls.report(path, account))

    async def on_delete(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Count from nothing again."""
        self.world.calls.reset()
        send(resp, self.world.calls.report())


class ReceivedControl(Control):
    """``/_sandbox/received``: the last calls as they came, without tokens and secrets."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The calls, of one ``path`` if given, the oldest first."""
        send(resp, {"received": self.world.calls.received(req.get_param("path"))})


class FaultsControl(Control):
    """``/_sandbox/faults``: what the next calls meet."""

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The faults that wait, and the kinds there are."""
        send(resp, {"faults": self.world.faults.waiting, "kinds": KINDS})

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Add one; see ``Fault``."""
        self.world.faults.waiting.append(await body_of(req, Fault))
        await self.on_get(req, resp)

    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Drop all."""
        self.world.faults.waiting.clear()
        await self.on_get(req, resp)


class CodesControl(Control):
    """``/_sandbox/codes``: a user logs in."""

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Mint a login code; see ``MintCode``."""
        wanted = await body_of(req, MintCode)
        try:
            send(resp, mint(self.world, wanted))
        except ValueError as error:
            raise wrong(str(error)) from None


def _found(handles: Handles, value: str, name: str) -> Handle:
    handle = handles.get(value)
    if handle is None:
        raise wrong(f"no such {name}: give one that this sandbox handed out")
    return handle


class ValidControl(Control):
    """``/_sandbox/valid``: whether a token or ticket lives."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Of ``access_token`` or ``ticket``: ``valid``, ``account``, ``family``, ``expires_in``."""
        token, ticket = req.get_param("access_token"), req.get_param("ticket")
        if not (token or ticket):
            raise wrong("give ?access_token= or ?ticket=")
        handles = self.world.tokens if token else self.world.tickets
        handle = handles.get(token or ticket or "")
        if handle is None:
            send(resp, {"valid": False, "account": "", "family": "", "expires_in": 0})
            return
        send(
            resp,
            {
                "valid": handles.remaining(handle) > 0,
                "account": handle.account,
                "family": handle.family,
                "agentid": handle.agentid,
                "expires_in": handles.expires_in(handle),
            },
        )


class KillControl(Control):
    """``/_sandbox/kill``: ends a token or ticket early, as a platform may."""

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """End ``access_token`` or ``ticket`` now."""
        given = await body_of(req, TokenGiven)
        if given.ticket:
            self.world.tickets.kill(_found(self.world.tickets, given.ticket, "ticket"))
        else:
            self.world.tokens.kill(_found(self.world.tokens, given.access_token, "access_token"))
        send(resp, {"killed": True})
