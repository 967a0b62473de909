"""Golden wire files (docs/spec/yilianyun.md): requests in, bytes out."""

from pathlib import Path

import pytest

from lingpai.issuer import admin
from tests.issuer.dialects.golden import files_beside, replay
from tests.issuer.dialects.yilianyun.realms import Realm

FILES = files_beside(__file__)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_wire(realm: Realm, path: Path) -> None:
    await admin.save_terminal(realm.issuer, "4004504003", msign="another secret")
    known = {
        "code": await realm.code(),
        "qr_key": await realm.shown(),
        "own_sign": "0b499d7ee94bb898aec9cb5cd9499dde",
    }
    await replay(path, realm, known)


def test_there_are_files() -> None:
    assert len(FILES) == 6
