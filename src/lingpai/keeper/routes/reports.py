"""The route by which callers report tokens that the platform no longer accepts."""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential
from lingpai.core.wire import Call, Route
from lingpai.keeper.access import identify, may
from lingpai.keeper.app import App
from lingpai.keeper.forwarding.bearers import credential_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.keys import KEY_PREFIX
from lingpai.keeper.parameters import BODY, Secret, Token
from lingpai.keeper.reporting import report
from lingpai.keeper.routes.shapes import COMPATIBLE_JSON
from lingpai.keeper.routes.token_holders import app_of_credential

REPORT_DETAILS = (
    "`outcome` is one of: `renewed` (it was dead, a new one is ready), `old` (it is no longer the current"
    " one), `alive` (the platform still accepts it), `checked` (it was verified a moment ago), "
    "`unverified` (the platform could not be asked, or issues no new one now), `unknown` (it was not "
    "issued through this service, or not for this caller). After `renewed` and `old`, get the token and "
    "repeat your call."
)


class DeadToken(msgspec.Struct):
    """A token that the platform no longer accepts, as the caller says."""

    access_token: Token
    secret: Secret | None = None


class ReportOutcome(msgspec.Struct):
    """The outcome of a report: old, alive, renewed, unverified, checked or unknown."""

    outcome: str


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the route of reports over this keeper."""

    async def report_dead(params: DeadToken, call: Call) -> ReportOutcome:
        value = params.access_token
        credential = await keeper.store.find_credential(value)
        if credential is None and (phantom := keeper.phantoms.read(value)) is not None:
            credential, value = await credential_of(keeper, phantom)
        app = await _reporter(keeper, params, call, credential)
        if credential is None or app is None:
            return ReportOutcome("unknown")
        return ReportOutcome(await report(keeper, app, credential, value))

    return (
        Route(("POST",), "/keeper/report", DeadToken, BODY, report_dead, COMPATIBLE_JSON,
              "Report a dead token: it is verified once and renewed once", ReportOutcome, "Generic",
              details=REPORT_DETAILS),
    )  # fmt: skip


async def _reporter(
    keeper: Keeper, params: DeadToken, call: Call, credential: Credential | None
) -> App | None:
    """Return the app of the reported token, or None when the reporter may not even learn whether it is stored here.

    Raises:
        LingpaiError: NOT_ALLOWED for who has neither a secret nor a caller key and comes from elsewhere, and
            for a caller key without the right.
    """
    if params.secret is not None and not params.secret.startswith(KEY_PREFIX):
        if credential is None or keeper.digest_secret(params.secret) != credential.key.secret_digest:
            return None
        asker = f"secret:{credential.key.platform}/{credential.key.account}"
        app = await app_of_credential(keeper, credential, asker)
        return app if app.configured else msgspec.structs.replace(app, secret=params.secret)
    caller = await identify(keeper, call, "report", params.secret)
    if credential is None:
        return None
    app = await app_of_credential(
        keeper, credential, f"caller:{caller.name}" if caller else f"network:{call.peer}"
    )
    if caller is not None and not may(caller, app.full_name, "report"):
        raise LingpaiError(Kind.NOT_ALLOWED, "The caller key may not report tokens of this app.")
    return app
