"""Adding events, written once for both engines (`store.administration.Statements`)."""

from typing import Any, Final

import msgspec

from lingpai.core.events import DEAD, LOW, RENEWED, TROUBLE, WELL, Event
from lingpai.core.records import BudgetUse, Trouble
from lingpai.store.administration import Statements
from lingpai.store.port import Fetched
from lingpai.store.queries import Row

LOW_SHARE: Final = 0.8
"""A budget of which this share is used up is low."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def is_low(use: BudgetUse) -> bool:
    """Return whether a budget has become low by what was just taken."""
    return use.granted and use.limit > 1 and use.used == int(use.limit * LOW_SHARE)


def read_event(row: Row) -> Event:
    """Return an event from its columns."""
    *columns, data = row
    return Event(**dict(zip(Event.__struct_fields__, columns, strict=False)), data=_decode(data.encode()))


async def note_renewed(statements: Statements, now: float, credential: int, fetched: Fetched) -> None:
    """Add that a credential has another value than before."""
    await _note(statements, now, RENEWED, credential, {"ends_at": int(fetched.end.wall)})


async def note_dead(statements: Statements, now: float, credential: int) -> None:
    """Add that the platform does not take a credential's value any more."""
    await _note(statements, now, DEAD, credential, {})


async def note_trouble(statements: Statements, now: float, credential: int, trouble: Trouble) -> None:
    """Add that a credential cannot be renewed."""
    data = {"permanent": trouble.permanent, "code": trouble.code, "message": trouble.message}
    await _note(statements, now, TROUBLE, credential, data)


async def note_well(statements: Statements, now: float, credential: int) -> None:
    """Add that the trouble of a credential is over."""
    await _note(statements, now, WELL, credential, {})


async def note_low(statements: Statements, now: float, use: BudgetUse) -> None:
    """Add that a budget is low. The event of a budget of one secret among several names its account."""
    platform, _, rest = use.subject.partition("/")
    rows = await statements.rows("event_subject_of_budget", platform, rest.partition("#")[0])
    if rows:
        data = {"budget": use.name, "used": use.used, "limit": use.limit}
        await _add(statements, now, LOW, (*rows[0], "", 0), data)


async def _note(
    statements: Statements, now: float, type_: str, credential: int, data: dict[str, Any]
) -> None:
    rows = await statements.rows("event_subject", credential)
    if rows:
        await _add(statements, now, type_, rows[0], data)


async def _add(statements: Statements, now: float, type_: str, subject: Row, data: dict[str, Any]) -> None:
    ((number,),) = await statements.rows("next_event")
    await statements.rows("add_event", number, now, type_, *subject, _encode(data).decode())
