"""A pytest plugin: whatever this process hashes passwords with costs little, unless a test uses `real_costs`.

A hash of production's takes 64 MiB and 0.2 seconds of processor time, and each sample realm has users.
"""

from collections.abc import Iterator
from typing import Final

import argon2
import pytest

from lingpai.issuer.passwords import Passwords

CHEAP: Final = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
_USUAL: Final = Passwords.__init__.__defaults__


@pytest.fixture(scope="session", autouse=True)
def _cheap() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Passwords.__init__, "__defaults__", (CHEAP, *(_USUAL or ())[1:]))
        yield


@pytest.fixture
def real_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this test, passwords are hashed as in production."""
    monkeypatch.setattr(Passwords.__init__, "__defaults__", _USUAL)
