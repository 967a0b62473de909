"""Golden wire files (docs/spec/mall.md): requests in, bytes out."""

import base64
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from tests.issuer.dialects.golden import files_beside, filled, match, steps_of
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
    for step in steps_of(path):
        clock.advance(step.after)
        headers = {name: filled(value, known) for name, value in step.headers.items()}
        body = None if step.body is None else filled(step.body, known).encode()
        answer = await realm.send(step.method, filled(step.path, known), body, headers)
        match(step.answer, answer.body, known)
        assert answer.status == step.status, (step, answer.body)
        for name, value in step.answer_headers.items():
            match(value, answer.headers[name].encode(), known)
        assert answer.headers["trace-id"]
        assert "location" not in answer.headers or "location" in step.answer_headers


def test_there_are_files() -> None:
    assert len(FILES) == 5
