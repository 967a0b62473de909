"""The settings of our sessions: asked for after connecting, and read back.

Not with the connection's first message: a pooler drops or refuses what it does not know there, and the defaults of
a role or a database would be as good as ours. Whoever set them, what is not listed here is left as it is.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final, NamedTuple

SERVER_SHARE: Final = 0.8
"""The server gives up by itself a little before we do, and then the connection stays good."""
_IDLE_SHARE: Final = 0.5
"""A node that is frozen in a transaction loses it while the others still have patience for what it locked."""

DURABLE: Final = ("on", "remote_apply", "remote_write", "local")
"""Values of `synchronous_commit` with which an answer survives a crash of the server; "off" does not."""

OURS: Final[Mapping[str, str]] = {
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "lock_timeout": "0",  # statement_timeout is the limit
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",  # planning anew for each array costs more than running it
    # All statements go by an index. A plan that was made for a young table is kept while it grows, so it must not be
    # one that reads all of it.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_indexscan": "on",
    "enable_indexonlyscan": "on",
    "enable_bitmapscan": "on",
    "enable_nestloop": "on",
    "enable_partition_pruning": "on",
}
"""Settings of each session, whatever the defaults of the server, the database and the role."""
SINCE: Final[Mapping[str, tuple[int, str]]] = {
    "idle_session_timeout": (14, "0"),
    "transaction_timeout": (17, "0"),
}
"""The same for settings that older servers do not have: the first version that does, and the value."""
DEFAULTS: Final[Mapping[str, str]] = {
    "application_name": "lingpai",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""Settings of a session unless the address sets others."""
_TIMEOUTS: Final = ("statement_timeout", "idle_in_transaction_session_timeout")


class ForbiddenSettingError(ValueError):
    """The address asks for a setting that Lingpai relies on; the message names it and says what to do."""


class Found(NamedTuple):
    """The properties of a new session.

    Attributes:
        server: when the server was started.
        pid: of the server's process for this session.
        began: when that did.
        standby: whether it only follows another server.
        read_only: whether it takes no writes by default.
        values: of the settings that were asked for, in their order.
    """

    server: dt.datetime
    pid: int
    began: dt.datetime
    standby: bool
    read_only: bool
    values: tuple[str, ...]


def settings_for(version: int, patience: float, idle: float, asked: Mapping[str, str]) -> dict[str, str]:
    """The settings of a session.

    Args:
        version: the server's major version.
        patience: seconds within which a statement has its answer; 0 for as long as it takes.
        idle: seconds that a transaction may stand idle where a statement may take as long as it takes.
        asked: what the address asks for.

    Raises:
        ForbiddenSettingError: it asks for one that Lingpai relies on.
    """
    timeouts = (round(patience * SERVER_SHARE * 1000), round((patience * _IDLE_SHARE or idle) * 1000))
    ours = {
        **OURS,
        **{name: value for name, (since, value) in SINCE.items() if version >= since},
        **{name: f"{value}ms" for name, value in zip(_TIMEOUTS, timeouts, strict=True)},
    }
    for name, value in asked.items():
        if name in ours and not _agrees(name, value, ours[name]):
            raise ForbiddenSettingError(
                f"The address asks for {name}, which Lingpai sets for each of its sessions: leave it out."
            )
    chosen = {name: value for name, value in asked.items() if name == "synchronous_commit"}
    return {**DEFAULTS, **asked, **ours, **chosen}


def _agrees(name: str, value: str, ours: str) -> bool:
    return value in DURABLE if name == "synchronous_commit" else value == ours


def statement_to_set(settings: Mapping[str, str]) -> str:
    """One simple query that sets all of them, as the server reads its own configuration (lists, units)."""
    calls = ", ".join(
        f"set_config({_literal(name)}, {_literal(value)}, false)" for name, value in settings.items()
    )
    return f"SELECT {calls}"


def statement_to_read(settings: Mapping[str, str]) -> str:
    """One query whose row is a `Found`, with an array for `values`; none of a setting that does not exist."""
    names = ", ".join(_literal(name) for name in settings)
    return f"""
    SELECT pg_postmaster_start_time(), pid, backend_start, pg_is_in_recovery(),
        current_setting('default_transaction_read_only') = 'on',
        ARRAY(SELECT current_setting(name, true) FROM unnest(ARRAY[{names}]) WITH ORDINALITY AS t (name, n) ORDER BY n)
    FROM pg_stat_activity WHERE pid = pg_backend_pid()
    """  # noqa: S608  quoted above


def lost(settings: Mapping[str, str], found: Found) -> list[str]:
    """Names of the settings that the session does not have, although they were set."""
    pairs = zip(settings.items(), found.values, strict=True)
    return [
        name for (name, wanted), has in pairs if name in OURS or name in _TIMEOUTS if not _same(wanted, has)
    ]


def _same(wanted: str, has: str | None) -> bool:
    return has is not None and _milliseconds(wanted) == _milliseconds(has)


_UNITS: Final = {"": 1, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def _milliseconds(text: str) -> str | int:
    """A time in milliseconds, which the server shows in the largest unit that fits; anything else as it is."""
    digits = text.rstrip("smhindu")
    unit = text[len(digits) :]
    return int(digits) * _UNITS[unit] if digits.isdigit() and unit in _UNITS else text


def _literal(text: str) -> str:
    if "\\" in text or "\0" in text:
        text = text.replace("\0", "")
        return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + text.replace("'", "''") + "'"
