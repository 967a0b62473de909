"""Golden wire files (docs/spec/mall.md): requests in, bytes out."""

import base64
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from tests.issuer.dialects.golden import files_beside, replay
from tests.issuer.dialects.mall.realms import SECRET, STATE, Realm

FILES = files_beside(__file__)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_wire(realm: Realm, path: Path, clock: VirtualClock) -> None:
    known = {
        "app_id": realm.app.app_id,
        "other_app_id": realm.other.app_id,
        "secret": SECRET,
        "basic": base64.b64encode(f"{realm.app.app_id}:{SECRET}".encode()).decode(),
        "state": STATE,
        "code": await realm.code(),
        "access": (await realm.tokens())["access_token"],
    }
    await replay(path, realm, known, clock)


def test_there_are_files() -> None:
    assert len(FILES) == 5
