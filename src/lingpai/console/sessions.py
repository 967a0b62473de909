"""Sessions of the console: begun by a one-time link of the host or by an admin key, and ended by time or by hand."""

import re
import secrets
from typing import Final, NamedTuple

from lingpai.core.audit import Actor, AdminKey, Change
from lingpai.core.console_records import ConsoleSession
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.seals import Digester
from lingpai.keeper.keeper import Keeper
from lingpai.operating.keys import PREFIX, Doorkeeper
from lingpai.operating.rights import rights_of

LINK: Final = "lpc_"
"""The secrets of one-time links begin with this."""
LINK_SECONDS: Final = 600.0
"""Seconds for which a link can be used."""
IDLE: Final = 1800.0
"""Seconds without a request after which a session ends."""
LONGEST: Final = 12 * 3600.0
"""Seconds after which a session ends, used or not."""
KIND: Final = "console"
"""The kind of actor in the audit trail."""
_TOUCH_APART: Final = 60.0
_BYTES: Final = 32
_LINK: Final = re.compile(r"lpc_[A-Za-z0-9_-]{43}\Z")
_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


class Operator(NamedTuple):
    """The operator of a request.

    Attributes:
        session: as it is stored.
        rights: see `operating.rights`.
        secret: of the session: the value of its cookie.
    """

    session: ConsoleSession
    rights: tuple[str, ...]
    secret: str

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"Operator({self.session.name})"


class Entrance(NamedTuple):
    """Where a sign-in comes from: the address, for limits and the audit trail, and the request's trace id."""

    address: str
    trace_id: str = ""


async def make_link(keeper: Keeper, name: str, role: str = "owner") -> str:
    """Make a one-time link and return its secret, which is not stored.

    Args:
        keeper: acts for the operator.
        name: of the operator, for the audit trail.
        role: of the session that it begins.

    Raises:
        LingpaiError: INVALID_PARAMETER: there is no such role.
    """
    rights_of(role)
    now, secret = keeper.clock.now(), LINK + secrets.token_urlsafe(_BYTES)
    link = ConsoleSession(
        link=True, name=name, role=role, created_at=now, used_at=now, ends_at=now + LINK_SECONDS
    )
    store = keeper.recording(Change("console.link", name, after={"role": role}))
    await store.add_console_session(link, _digester(keeper)(secret))
    return secret


def link_to(origin: str, secret: str) -> str:
    """Return the address of a link; the secret is in its fragment, which browsers send to nobody."""
    return f"{origin}/console#{secret}"


class Sessions:
    """Begins, finds and ends sessions.

    Args:
        keeper: its store has them.
        door: recognises admin keys, and refuses a network with too many failures.
    """

    def __init__(self, keeper: Keeper, door: Doorkeeper) -> None:
        self._keeper = keeper
        self._door = door
        self._digest = _digester(keeper)

    async def begin(self, given: str, entrance: Entrance) -> Operator:
        """Begin a session by a link, the secret of one, or an admin key.

        Raises:
            LingpaiError: WRONG_KEY: it is wrong, was used or is over; MISSING_KEY; NOT_ALLOWED from this network;
                TOO_MANY_REQUESTS after too many failures.
        """
        secret = given.strip().rpartition("#")[2]
        self._door.demand_network(entrance.address)
        if not secret.startswith(LINK):
            key = await self._door.recognise(secret or None, entrance.address)
            return await self._open(key.name, key.role, key.key_id, min(LONGEST, self._left(key)), entrance)
        now = self._keeper.clock.now()
        taken = None
        if _LINK.match(secret):
            taken = await self._keeper.store.take_console_link(self._digest(secret))
        if taken is None or taken.ends_at <= now:
            self._door.fail(entrance.address)
            raise LingpaiError(Kind.WRONG_KEY, "The link was used already, or is over; make another.")
        return await self._open(taken.name, taken.role, "", LONGEST, entrance)

    async def find(self, secret: str | None, address: str) -> Operator | None:
        """Return whose session this is; None when there is none, it is over, or may not be used from this address."""
        if secret is None or not _SESSION.match(secret):
            return None
        digest, now = self._digest(secret), self._keeper.clock.now()
        session = await self._keeper.store.find_console_session(digest)
        if session is None or session.link or session.ends_at <= now or session.used_at + IDLE <= now:
            return None
        rights = await self._rights(session, now, address)
        return Operator(session, rights, secret) if rights else None

    async def use(self, operator: Operator) -> None:
        """Note that a session is used, which puts off its end."""
        now = self._keeper.clock.now()
        if operator.session.used_at + _TOUCH_APART <= now:
            await self._keeper.store.touch_console_session(self._digest(operator.secret), now)

    async def end(self, operator: Operator, entrance: Entrance) -> None:
        """End a session."""
        actor = Actor(KIND, operator.session.name, entrance.address, entrance.trace_id)
        store = self._keeper.by(actor).recording(Change("console.sign-out", operator.session.name))
        await store.end_console_session(self._digest(operator.secret))

    async def _open(self, name: str, role: str, key_id: str, life: float, entrance: Entrance) -> Operator:
        now, secret = self._keeper.clock.now(), secrets.token_urlsafe(_BYTES)
        session = ConsoleSession(
            link=False, name=name, role=role, key_id=key_id, created_at=now, used_at=now, ends_at=now + life
        )
        actor = Actor(KIND, name, entrance.address, entrance.trace_id)
        change = Change("console.sign-in", name, after={"by": "key" if key_id else "link"})
        store = self._keeper.by(actor).recording(change)
        await store.add_console_session(session, self._digest(secret))
        return Operator(session, await self._rights(session, now, entrance.address), secret)

    def _left(self, key: AdminKey) -> float:
        return key.ends_at - self._keeper.clock.now()

    async def _rights(self, session: ConsoleSession, now: float, address: str) -> tuple[str, ...]:
        """Return the rights of a session: those of its key as it is now, which may have been removed."""
        if not session.key_id:
            return rights_of(session.role) if self._door.admits(address) else ()
        found = await self._keeper.store.find_admin_key(session.key_id)
        if found is None or found[0].removed_at is not None or found[0].ends_at <= now:
            return ()
        return found[0].rights if self._door.admits(address, found[0]) else ()


def is_secret(text: str) -> bool:
    """Return whether a text is what begins a session: it must not be searched for, shown or logged."""
    return text.strip().rpartition("#")[2].startswith((LINK, PREFIX))


def _digester(keeper: Keeper) -> Digester:
    return Digester(keeper.ring, "console session")
