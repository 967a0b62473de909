"""Columns of webhooks, the same in both engines."""

from typing import Any, Final

import msgspec

from lingpai.core.hooks import Hook
from lingpai.store.queries import Row
from lingpai.store.vault import Vault

SECRET: Final = "hooks.secret"  # noqa: S105  a column
FORMER: Final = "hooks.former_secret"
_names = msgspec.json.Decoder(tuple[str, ...]).decode


def write_hook(hook: Hook, vault: Vault) -> tuple[Any, ...]:
    """Return the columns of a webhook but for its revision; its name is the first."""
    former = vault.seal(hook.former_secret, FORMER, hook.name) if hook.former_secret else None
    return (
        hook.name,
        hook.url,
        msgspec.json.encode(hook.apps).decode(),
        msgspec.json.encode(hook.types).decode(),
        vault.seal(hook.secret, SECRET, hook.name),
        former,
        hook.former_ends_at,
        hook.position,
        hook.failures,
        hook.next_at,
        hook.problem,
        hook.state,
        hook.created_at,
    )


def read_hook(row: Row, vault: Vault) -> Hook:
    """Return a webhook from its columns."""
    name, url, apps, types, secret, former, *rest = row
    further = dict(zip(Hook.__struct_fields__[6:], rest, strict=True))
    return Hook(
        name=name,
        url=url,
        apps=_names(apps.encode()),
        types=_names(types.encode()),
        secret=vault.open(bytes(secret), SECRET, name),
        former_secret="" if former is None else vault.open(bytes(former), FORMER, name),
        **further,
    )
