"""Reports of dead tokens, and clearing.

The two ways in which a caller may cause a renewal, both within limits.
"""

from lingpai.core.errors import LingpaiError
from lingpai.core.records import Credential
from lingpai.keeper.app import App
from lingpai.keeper.budgets import first_in, take
from lingpai.keeper.counters import REPORTS
from lingpai.keeper.fetching import is_dead
from lingpai.keeper.generations import is_live
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN

DAY = 86_400
FORWARD = "forward"
"""The occasion of a forwarded call, to which the platform itself answered that its token is dead."""

_COUNTED = frozenset({"old", "checked"})
"""Reports that changed nothing: of a dead token they come by the thousand."""


async def report(
    keeper: Keeper, app: App, credential: Credential, value: str, occasion: str = "report"
) -> str:
    """Handle a report that the platform no longer accepts `value`: verify it once and renew it once, of many reports.

    Args:
        keeper: the keeper.
        app: the app of the credential; the caller has the right `report` on it.
        credential: the one that `value` was found in.
        value: the reported token.
        occasion: what is limited together: within `report_apart` seconds one question of each occasion is asked.

    Returns:
        The outcome: "old" (a newer one is there already), "alive" (the upstream still accepts it),
        "renewed", "unverified" (the upstream could not be asked, or gives no new one now), or "checked" (it was
        verified just now).
    """
    outcome = await _report(keeper, app, credential, value, occasion)
    REPORTS.labels(app.platform.name, outcome).inc()
    if outcome in _COUNTED:
        keeper.audit.count(app.asker, app.logged_name, f"report {outcome}")
    else:
        keeper.audit.write(app.asker, app.logged_name, "report", outcome)
    return outcome


async def _report(keeper: Keeper, app: App, credential: Credential, value: str, occasion: str) -> str:
    current = credential.current
    kind = credential.key.kind
    # No caller was given a refresh token.
    if current is None or current.value != value or not app.platform.takes(kind):
        return "old"
    name = f"{occasion} {kind} {credential.id}.{current.version}"
    if not await first_in(keeper, app.subject, name, keeper.options.report_apart):
        return "checked"
    ticket = app.platform.tickets.get(kind)
    if ticket is not None and ticket.probe is None:
        await keeper.store.mark_suspect(credential.key, current.version)
    else:
        dead = await is_dead(keeper, app, value, kind)
        if dead is None and occasion == FORWARD and app.platform.probe is None:
            dead = True  # it said so itself, to us
        if dead is None:
            return "unverified"
        if not dead:
            return "alive"
        await keeper.store.end_generation(credential.key, current.version)
    try:
        renewed = await keeper.credentials.fetch_once(app, kind, current)
    except LingpaiError:
        return "unverified"
    return "renewed" if renewed.version > current.version else "checked"


async def clear(keeper: Keeper, app: App, kind: str = ACCESS_TOKEN) -> str:
    """Have the next request fetch anew, and close the breaker where nothing is stored.

    The stored value stays until that has succeeded, so clearing costs nobody an answer.

    Returns:
        The outcome: "cleared", "empty" (nothing was stored), "cooling" (cleared just now), or "spent" (the
        day's budget).
    """
    outcome = await _clear(keeper, app, kind)
    keeper.audit.write(app.asker, app.logged_name, "clear", outcome)
    return outcome


async def _clear(keeper: Keeper, app: App, kind: str) -> str:
    credential = await keeper.store.read_credential(app.key(kind))
    if credential is None or not (is_live(keeper, credential.current) or credential.trouble):
        return "empty"
    if not await first_in(keeper, app.subject, f"clear {kind}", keeper.options.clear_apart):
        return "cooling"
    if not await take(keeper, app.subject, f"clears {kind}", keeper.options.clears_a_day, DAY):
        return "spent"
    await keeper.store.forget_trouble(app.key(kind))
    await keeper.store.mark_suspect(app.key(kind), credential.version)
    return "cleared"
