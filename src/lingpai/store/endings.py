"""The end of login sessions: of their grants, and the messages to their clients, in one transaction.

OpenID Connect Back-Channel Logout 1.0 §2.3, §2.7.
"""

from collections.abc import Sequence
from typing import Final

from lingpai.core.authorization_records import Session
from lingpai.store.authorization_rows import read_logout
from lingpai.store.queries import Row
from lingpai.store.sessions_port import EndedSessions
from lingpai.store.transaction import Transaction

TRIES: Final = 3
"""Repetitions of a message to a client."""
KEPT: Final = 24 * 3600
"""Seconds after which nobody tries any more."""


async def end_session(transaction: Transaction, session: Session, now: int, held: int) -> EndedSessions:
    """See `store.sessions_port.Sessions.end_session`."""
    removed = await transaction.rows("end_session", session.id, session.salt)
    return await _end(transaction, removed, now, held)


async def end_sessions(transaction: Transaction, user: int, now: int, held: int = 0) -> EndedSessions:
    """See `store.sessions_port.Sessions.end_sessions`."""
    return await _end(transaction, await transaction.rows("end_sessions", user), now, held)


async def replace_session(transaction: Transaction, replaced: Session, session: Session) -> None:
    """Let a session begin in place of another, see `store.sessions_port.Sessions.add_session`."""
    if replaced.user != session.user:
        await end_session(transaction, replaced, session.created_at, 0)
    elif await transaction.rows("end_session", replaced.id, replaced.salt):
        await transaction.rows("move_session_grants", session.id, session.ends_at, replaced.id)


async def _end(transaction: Transaction, removed: Sequence[Row], now: int, held: int) -> EndedSessions:
    """End what was of sessions that are removed already, so that nothing is added to them any more."""
    logouts: list[Row] = []
    times = (TRIES if held else TRIES + 1, now, now + held, now + KEPT)
    for session, user, sid in removed:
        await transaction.rows("end_session_grants", session, now)
        logouts += await transaction.rows("add_logouts", session, user, sid, *times)
        await transaction.rows("remove_session_grants", session)
    return EndedSessions(len(removed), tuple(map(read_logout, logouts)))
