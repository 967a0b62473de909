"""What each process of a contest does with apps that register themselves."""

import asyncio
from typing import Final

import msgspec

from lingpai.core.issuer_records import App, Registration
from lingpai.core.registration_records import InitialToken
from lingpai.store.port import Store
from tests.issuer.engines import beside
from tests.store.contenders import Harness
from tests.store.issuer.issuer_races import LATER, NOW, new_salt

CALLERS: Final = 8
"""Per process."""


def fresh_app(name: str) -> App:
    """An app as it registers itself."""
    return App(realm="r", app_id=name, registration=Registration(new_salt(), open=True))


def initial_token(uses: int) -> InitialToken:
    """A token for so many apps."""
    return InitialToken(realm="r", uses=uses, salt=new_salt(), created_at=NOW, ends_at=LATER)


async def register_with(harness: Harness, store: Store, tokens: list[int]) -> list[int]:
    """All register with the same tokens, one after the other; how many of this process did with each."""
    issuer = beside(store)
    found = []
    for number, row in enumerate(tokens):
        token = await issuer.read_initial_token(row)
        assert token is not None
        harness.barrier.wait()
        added = await asyncio.gather(
            *(
                issuer.register_app(fresh_app(f"{number}-{harness.number}-{call}"), NOW, initial=token)
                for call in range(CALLERS)
            )
        )
        found.append(sum(app is not None for app in added))
    return found


async def change_and_remove(harness: Harness, store: Store, apps: list[int]) -> list[tuple[int, int]]:
    """Odd processes remove apps that the others change: how many did, of this process, for each app."""
    issuer = beside(store)
    found = []
    for row in apps:
        known = await issuer.read_app(row)
        assert known is not None
        harness.barrier.wait()
        if harness.number % 2:
            gone = await asyncio.gather(*(issuer.remove_registered_app(known) for _ in range(CALLERS)))
            found.append((0, sum(gone)))
            continue
        names = (f"{harness.number}-{call}" for call in range(CALLERS))
        changed = await asyncio.gather(
            *(issuer.change_app(known, msgspec.structs.replace(known, name=name)) for name in names)
        )
        found.append((sum(changed), 0))
    return found
