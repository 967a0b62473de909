"""Golden wire files (docs/how-to/oidc.md): requests in, bytes out."""

import base64
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from tests.issuer.dialects.golden import files_beside, filled, match, steps_of
from tests.issuer.dialects.oidc.realms import CHALLENGE, SECRET, STATE, VERIFIER, Realm

FILES = files_beside(__file__)


def pair(app_id: str, secret: str) -> str:
    return base64.b64encode(f"{app_id}:{secret}".encode()).decode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_wire(realm: Realm, path: Path, clock: VirtualClock) -> None:
    known = {
        "app_id": realm.app.app_id,
        "secret": SECRET,
        "basic": pair(realm.app.app_id, SECRET),
        "other_basic": pair(realm.other.app_id, SECRET),
        "wrong_basic": pair(realm.app.app_id, "wrong"),
        "state": STATE,
        "challenge": CHALLENGE,
        "verifier": VERIFIER,
        "code": await realm.code(),
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
    assert len(FILES) == 3
