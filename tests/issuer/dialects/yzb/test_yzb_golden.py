from pathlib import Path

import pytest

from tests.issuer.dialects.golden import files_beside, filled, match, steps_of
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
    for step in steps_of(path):
        body = None if step.body is None else filled(step.body, known).encode()
        answer = await realm.send(step.method, filled(step.path, known), body, step.headers)
        match(step.answer, answer.body, known)
        assert answer.status == step.status
        for name, value in step.answer_headers.items():
            assert answer.headers[name] == value
        assert answer.headers["trace-id"]


def test_there_are_files() -> None:
    assert len(FILES) == 6
