from pathlib import Path

import pytest

from tests.issuer.dialects.golden import files_beside, replay
from tests.issuer.dialects.yzb.realms import SECRET, Realm

FILES = files_beside(__file__)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_wire(realm: Realm, path: Path) -> None:
    known = {
        "app_id": realm.app.app_id,
        "other_app_id": realm.other.app_id,
        "secret": SECRET,
        "code": await realm.code(),
        "open_id": realm.member.open_id,
    }
    await replay(path, realm, known)


def test_there_are_files() -> None:
    assert len(FILES) == 6
