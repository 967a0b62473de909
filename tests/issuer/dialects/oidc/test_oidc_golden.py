"""Golden wire files (docs/how-to/oidc.md): requests in, bytes out."""

import base64
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import Client
from tests.issuer.dialects.golden import files_beside, replay
from tests.issuer.dialects.oidc.realms import CHALLENGE, SECRET, STATE, VERIFIER, Realm

FILES = files_beside(__file__)


def pair(app_id: str, secret: str) -> str:
    return base64.b64encode(f"{app_id}:{secret}".encode()).decode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_wire(realm: Realm, path: Path, clock: VirtualClock) -> None:
    await realm.change_app(client=Client(post_logout_redirect_uris=("https://client.example/bye",)))
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
    await replay(path, realm, known, clock)


def test_there_are_files() -> None:
    assert len(FILES) == 6
