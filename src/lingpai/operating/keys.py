"""Keys of the admin API: made on the host, kept as keyed digests, limited in time, rights and networks."""

import hmac
import re
import secrets
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

from lingpai.core import private_files
from lingpai.core.addresses import is_within_blocks
from lingpai.core.audit import Actor, AdminKey, Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import Flaw, demand
from lingpai.core.logs import structlog
from lingpai.core.moments import moment
from lingpai.core.names import is_name
from lingpai.core.networks import is_network, network_of
from lingpai.core.seals import Digester
from lingpai.keeper.accounts import MAX_LABEL
from lingpai.keeper.keeper import Keeper
from lingpai.operating.rights import rights_of

log = structlog.get_logger("lingpai.operating")
PREFIX: Final = "lpa_"
"""Admin keys begin with this: people and leak scanners see what they are."""
BOOTSTRAP: Final = "bootstrap"
"""The name of the first admin key, which the service makes itself."""
DAY: Final = 86_400
LIFE: Final = 90 * DAY
"""Seconds that a key is valid when nothing else is said."""
LONGEST_LIFE: Final = 365 * DAY
MOST_FAILURES: Final = 20
"""Failures of one network within `WINDOW` seconds, counted by each process: keys cannot be guessed, only tried."""
WINDOW: Final = 60.0
_MOST_NETWORKS: Final = 4096
_TOUCH_APART: Final = 60.0
_ID_BYTES: Final = 4
_SECRET_BYTES: Final = 32
_KEY: Final = re.compile(r"lpa_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")


def digester(keeper: Keeper) -> Digester:
    """Return what makes the digests of admin keys."""
    return Digester(keeper.ring, "admin key")


async def add_key(
    keeper: Keeper,
    name: str,
    role: str,
    *,
    life: float = LIFE,
    networks: tuple[str, ...] = (),
    text: str = "",
) -> tuple[AdminKey, str]:
    """Make an admin key and return it with its text, which is not shown again.

    Args:
        keeper: acts for the operator.
        name: unique; the audit trail shows it.
        role: see `rights.ROLES`.
        life: seconds that it is valid.
        networks: CIDR blocks that its requests may come from; empty for any.
        text: of the key; made when it is "".

    Raises:
        LingpaiError: INVALID_PARAMETER; CONFLICT: the name is or was taken.
    """
    demand(_flaws(name, life, networks))
    rights = rights_of(role)
    made, now = text or _new_text(), keeper.clock.now()
    key_id = _id_of(made)
    key = AdminKey(
        key_id=key_id,
        name=name,
        role=role,
        rights=rights,
        networks=networks,
        created_at=now,
        ends_at=now + life,
    )
    after = {"role": role, "rights": rights, "networks": networks, "ends_at": moment(key.ends_at)}
    store = keeper.recording(Change("admin.add", name, after=after))
    if not await store.add_admin_key(key, digester(keeper)(made)):
        reason = f"The name {name} is or was used by another admin key; choose another name."
        raise LingpaiError(Kind.CONFLICT, reason, parameter="name")
    if name != BOOTSTRAP:  # which was good only while there was no other
        await remove_key(keeper, BOOTSTRAP)
    return key, made


async def write_first_key(keeper: Keeper, path: Path) -> bool:
    """Make the first admin key and write it to a file (mode 0600); False when there was one before.

    The file is written first, so that no key is in the store that nobody knows. A file of a start that broke off
    between the two has the key that is made; one without content is replaced. Of several processes that start at the
    same time one makes it.

    Raises:
        OSError: the file cannot be written or read; then there is no key either.
        LingpaiError: STORE_UNAVAILABLE; the next start makes the key that the file has.
    """
    if await keeper.store.list_admin_keys():
        if _is_empty(path):
            log.warning("first_key_unknown", path=str(path), remedy="make another with `lingpai admin add`")
        return False
    made, written = _new_text(), True
    try:
        private_files.write_new(path, made.encode() + b"\n")
    except FileExistsError:
        written, text = False, path.read_text("latin-1").strip()  # noqa: ASYNC240  at the start, before anything is served
        if not text:
            private_files.replace(path, made.encode() + b"\n")
        elif _KEY.fullmatch(text) and not path.stat().st_mode & private_files.OTHERS:  # noqa: ASYNC240  as above
            made = text
        else:
            log.warning("first_key_not_made", path=str(path), reason="others may read it, or it has no key")
            return False
    try:
        await add_key(keeper.by(Actor("service", BOOTSTRAP)), BOOTSTRAP, "owner", text=made)
    except LingpaiError as error:
        if error.kind is not Kind.CONFLICT:
            raise
        if written and await keeper.store.find_admin_key(_id_of(made)) is None:
            path.unlink()  # noqa: ASYNC240  another process was faster, with a file of its own
        return False
    log.info("first_key_made", path=str(path))
    return True


def _is_empty(path: Path) -> bool:
    try:
        return not path.stat().st_size
    except OSError:
        return False


def _id_of(text: str) -> str:
    return text.removeprefix(PREFIX).partition("_")[0]


def _new_text() -> str:
    return f"{PREFIX}{secrets.token_hex(_ID_BYTES)}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def _flaws(name: str, life: float, networks: tuple[str, ...]) -> list[Flaw]:
    flaws = []
    if not is_name(name) or len(name) > MAX_LABEL:
        flaws.append(Flaw("name", f"{name!r} is not a name: no blanks, no slash."))
    if not 0 < life <= LONGEST_LIFE:
        flaws.append(Flaw("expires", "An admin key is valid for 365 days at most."))
    bad = (network for network in networks if not is_network(network))
    return flaws + [Flaw("networks", f"{network!r} is not a network such as 10.0.0.0/8.") for network in bad]


async def remove_key(keeper: Keeper, name: str) -> bool:
    """Remove an admin key from its next request on. False when there is none."""
    return await keeper.recording(Change("admin.remove", name)).remove_admin_key(name)


def key_document(key: AdminKey, now: float) -> dict[str, Any]:
    """Return an admin key as a JSON document, without anything that could be used as one."""
    valid = key.removed_at is None and key.ends_at > now
    return {
        "name": key.name,
        "key_id": key.key_id,
        "role": key.role,
        "rights": key.rights,
        "networks": key.networks,
        "created_at": moment(key.created_at),
        "ends_at": moment(key.ends_at),
        "used_at": moment(key.used_at),
        "removed_at": moment(key.removed_at),
        "valid": valid,
    }


class Doorkeeper:
    """Recognises admin keys, and refuses a network with too many failures.

    Args:
        keeper: its store has the keys.
        networks: CIDR blocks that requests may come from; empty for any.
    """

    def __init__(self, keeper: Keeper, networks: tuple[str, ...] = ()) -> None:
        self._networks = networks
        self._store, self._clock = keeper.store, keeper.clock
        self._digest = digester(keeper)
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    async def recognise(self, bearer: str | None, address: str) -> AdminKey:
        """Return the key that a request comes with.

        Args:
            bearer: of the `Authorization` header.
            address: of the caller.

        Raises:
            LingpaiError: MISSING_KEY; WRONG_KEY, also of a key that ended; NOT_ALLOWED from another network;
                TOO_MANY_REQUESTS in place of the last two after too many failures. A right key is never refused for
                what others of its network do.
        """
        self.demand_network(address)
        if not bearer:
            raise LingpaiError(Kind.MISSING_KEY, "An admin key is needed: Authorization: Bearer lpa_….")
        key = await self._find(bearer)
        if key is None:
            self.fail(address)
            raise LingpaiError(Kind.WRONG_KEY, "The admin key is wrong, has expired or was removed.")
        if not self.admits(address, key):
            self.fail(address)
            raise LingpaiError(Kind.NOT_ALLOWED, "The admin key may not be used from this network.")
        now = self._clock.now()
        if key.used_at is None or key.used_at + _TOUCH_APART <= now:
            await self._store.touch_admin_key(key.id, now)
        return key

    def demand_network(self, address: str) -> None:
        """Refuse an address that is in none of the listener's networks.

        Raises:
            LingpaiError: NOT_ALLOWED.
        """
        if not self.admits(address):
            raise LingpaiError(Kind.NOT_ALLOWED, "The admin API may not be used from this network.")

    def admits(self, address: str, key: AdminKey | None = None) -> bool:
        """Return whether an address is in the networks of the listener, and in those of a key."""
        lists = (self._networks, () if key is None else key.networks)
        return all(is_within_blocks(address, networks) for networks in lists if networks)

    def fail(self, address: str) -> None:
        """Count a failure of this address's network.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS: it is one too many.
        """
        network = network_of(address)
        self._demand_patience(network)
        self._failures[network] = [*self._recent(network), self._clock.steady()]
        self._failures.move_to_end(network)
        while len(self._failures) > _MOST_NETWORKS:
            self._failures.popitem(last=False)

    async def _find(self, text: str) -> AdminKey | None:
        matched = _KEY.fullmatch(text)
        found = await self._store.find_admin_key(matched[1]) if matched is not None else None
        if found is None or not hmac.compare_digest(found[1], self._digest(text)):
            return None
        key, now = found[0], self._clock.now()
        return key if key.removed_at is None and key.ends_at > now else None

    def _demand_patience(self, network: str) -> None:
        failures = self._recent(network)
        if len(failures) >= MOST_FAILURES:
            wait = failures[0] + WINDOW - self._clock.steady()
            raise LingpaiError(
                Kind.TOO_MANY_REQUESTS,
                "Too many failed attempts; try again later.",
                retry_after=max(1.0, wait),
            )

    def _recent(self, network: str) -> list[float]:
        since = self._clock.steady() - WINDOW
        return [each for each in self._failures.get(network, ()) if each > since]
