"""Drop-in routes of calls that carry a user's token: passed on as they are, and answered as the platform answers.

The token of a user is neither stored nor known here, so it lets nobody in by itself. It needs no secret either: who has
it could ask the platform directly. So a caller key (right `exchange`) and trusted networks pass, and anybody else does
while few of their calls are refused, as with secrets that nobody has proven (`keeper/proofs.py`).
"""

from typing import Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call, Verb
from lingpai.keeper.access import identify, is_insider, may
from lingpai.keeper.app import App
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platform_client import call_platform
from lingpai.keeper.platforms.drop_in import DropInUserCall
from lingpai.keeper.platforms.platform import Platform, Severity
from lingpai.keeper.upstream import Refusal, Unreachable

RIGHT = "exchange"


def user_call_verb(keeper: Keeper, platform: Platform, declared: DropInUserCall) -> Verb:
    """Return the verb of such a route."""

    async def pass_on(params: Any, call: Call) -> dict[str, Any]:
        given = msgspec.structs.asdict(params)
        account = given[declared.account] if declared.account else ""
        app, known = await _asker(keeper, call, platform, account, given[declared.credential])
        fields = {name: value for name, value in given.items() if value != ""}

        async def ask() -> dict[str, Any]:
            return await call_platform(keeper, app, "GET", declared.path, fields)

        keeper.audit.count(app.asker, app.logged_name, "user")
        try:
            return await (ask() if known else keeper.proofs.attempt(app, ask))
        except Refusal as refusal:
            own = platform.fault(refusal.code).severity is Severity.CALLER
            raise LingpaiError(
                Kind.UPSTREAM_REFUSED,
                refusal.message,
                code=refusal.code,
                parameter=declared.credential if own else "",
            ) from refusal
        except Unreachable as error:
            raise LingpaiError(
                Kind.UPSTREAM_UNAVAILABLE, f"The call to the upstream platform failed: {error}."
            ) from error

    return pass_on


async def _asker(
    keeper: Keeper, call: Call, platform: Platform, account: str, token: str
) -> tuple[App, bool]:
    """Return for which app a call is made, and whether who asks is known here.

    Raises:
        LingpaiError: WRONG_KEY or NOT_ALLOWED for a caller key that may not.
    """
    known, asker = is_insider(keeper, call), f"network:{call.peer}"
    if call.bearer is not None:
        caller = await identify(keeper, call, RIGHT)
        name = f"{platform.name}/{account}" if account else ""
        if caller is None or RIGHT not in caller.rights or (name and not may(caller, name, RIGHT)):
            raise LingpaiError(
                Kind.NOT_ALLOWED, "The caller key may not make calls with users' tokens of this app."
            )
        call.caller, known, asker = caller.name, True, f"caller:{caller.name}"
    app = App(
        platform=platform,
        account=account,
        secret="",
        digest=keeper.digest_guess(token),
        configured=False,
        asker=asker,
        peer=call.peer,
        trusted=known,
    )
    return app, known
