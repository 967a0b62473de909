"""Controls of the traffic: what was called, what the next calls meet, which tokens and codes are out."""

import msgspec

from lingpai.core.wire import Reply
from lingpai.sandbox.control import Control, body_of, send, wrong
from lingpai.sandbox.faults import KINDS, Fault
from lingpai.sandbox.handles import Handle, Handles
from lingpai.sandbox.minting import MintCode, mint
from lingpai.sandbox.world import Call


class TokenGiven(msgspec.Struct, forbid_unknown_fields=True):
    """The access token or ticket to kill."""

    access_token: str = ""
    ticket: str = ""


class CallsControl(Control):
    """``/_sandbox/calls``: how often what was called, by path and account."""

    def on_get(self, call: Call) -> Reply:
        """Show the counts, optionally of one ``path`` or ``account``."""
        path, account = call.query.get("path"), call.query.get("account")
        return send(self.world.calls.report(path, account))

    def on_delete(self, _call: Call) -> Reply:
        """Reset all counts to 0."""
        self.world.calls.reset()
        return send(self.world.calls.report())


class ReceivedControl(Control):
    """``/_sandbox/received``: the last calls as they came, without tokens and secrets."""

    def on_get(self, call: Call) -> Reply:
        """Show the last calls, optionally of one ``path``, oldest first."""
        return send({"received": self.world.calls.received(call.query.get("path"))})


class FaultsControl(Control):
    """``/_sandbox/faults``: what the next calls meet."""

    def on_get(self, _call: Call) -> Reply:
        """Show the pending faults, and all kinds of faults."""
        return send({"faults": self.world.faults.waiting, "kinds": KINDS})

    def on_post(self, call: Call) -> Reply:
        """Add a fault; see ``Fault``."""
        self.world.faults.waiting.append(body_of(call, Fault))
        return self.on_get(call)

    def on_delete(self, call: Call) -> Reply:
        """Remove all faults."""
        self.world.faults.waiting.clear()
        return self.on_get(call)


class CodesControl(Control):
    """``/_sandbox/codes``: a user logs in."""

    def on_post(self, call: Call) -> Reply:
        """Make a login code; see ``MintCode``."""
        wanted = body_of(call, MintCode)
        try:
            return send(mint(self.world, wanted))
        except ValueError as error:
            raise wrong(str(error)) from None


def _found(handles: Handles, value: str, name: str) -> Handle:
    handle = handles.get(value)
    if handle is None:
        raise wrong(f"no such {name}: give one that this sandbox handed out")
    return handle


class ValidControl(Control):
    """``/_sandbox/valid``: whether a token or ticket lives."""

    def on_get(self, call: Call) -> Reply:
        """Check an ``access_token`` or ``ticket``: ``valid``, ``account``, ``family``, ``expires_in``."""
        token, ticket = call.query.get("access_token"), call.query.get("ticket")
        if not (token or ticket):
            raise wrong("give ?access_token= or ?ticket=")
        others = self.world.others
        if others is not None and others.lives(token or ticket or ""):
            return send({"valid": True, "account": "", "family": "other", "expires_in": 0})
        handles = self.world.tokens if token else self.world.tickets
        handle = handles.get(token or ticket or "")
        if handle is None:
            return send({"valid": False, "account": "", "family": "", "expires_in": 0})
        return send(
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

    def on_post(self, call: Call) -> Reply:
        """Invalidate an ``access_token`` or ``ticket`` now."""
        given = body_of(call, TokenGiven)
        others = self.world.others
        if others is not None and others.kill(given.access_token or given.ticket):
            return send({"killed": True})
        if given.ticket:
            self.world.tickets.kill(_found(self.world.tickets, given.ticket, "ticket"))
        else:
            self.world.tokens.kill(_found(self.world.tokens, given.access_token, "access_token"))
        return send({"killed": True})
