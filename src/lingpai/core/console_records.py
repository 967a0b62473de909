"""Sessions of the web console, and the one-time links that begin them."""

import msgspec


class ConsoleSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session of the console, or a link that begins one; only a keyed digest of its secret is stored.

    Attributes:
        link: whether it is a one-time link, which begins a session and is gone.
        name: of the operator; the audit trail shows it.
        role: see `operating.rights.ROLES`; its rights are those of `key_id` where that is not "".
        key_id: of the admin key by which the operator signed in; "" for a link that was made on the host.
        created_at: unix time in seconds, as all times here.
        used_at: when it was used last, to the minute.
        ends_at: when it ends at the latest.
    """

    link: bool
    name: str
    role: str
    key_id: str = ""
    created_at: float
    used_at: float
    ends_at: float
