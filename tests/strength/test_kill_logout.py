"""kill -9 between the end of a session and the call of its client: the client is notified anyway (threat L125)."""

import asyncio
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from lingpai.core.issuer_records import App, Client
from lingpai.issuer import admin
from lingpai.service import open_issuers
from lingpai.settings import load_settings
from tests.issuer.dialects.visitors import PASSWORD, visiting
from tests.issuer.engines import execute, rows_of
from tests.issuer.test_fetcher import Server, answering
from tests.strength.services import Service, ending

REDIRECT = "https://shop.example/callback"
NOWHERE = "http://127.0.0.1:9"
ASKED = {
    "response_type": "code",
    "client_id": "100001",
    "redirect_uri": REDIRECT,
    "scope": "openid",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWBuGJSstw-cM",
    "code_challenge_method": "S256",
}
REALMS = '{"oidc":{"fetch_networks":["127.0.0.0/8","::1/128"]}}'


def settings_of(data: Path, store: str) -> dict[str, str]:
    return {"data": str(data), **({"store": store} if store else {})}


async def prepare(settings: dict[str, str], uri: str) -> None:
    async with open_issuers(load_settings(**settings)) as issuers:
        app = App(realm="oidc", app_id="100001", redirect_uris=(REDIRECT,))
        added = await admin.declare_app(issuers["oidc"], app, "0123456789abcdef")
        await admin.change_app(issuers["oidc"], added, client=Client(backchannel_logout_uri=uri))
        await admin.add_user(issuers["oidc"], "alice", PASSWORD)


@pytest.mark.timeout(180)
@pytest.mark.threat("L125")
async def test_a_service_that_was_killed_notifies_a_client_when_it_is_back(
    own_folder: Path, store: str
) -> None:
    receiver = Server(own_folder, "localhost")
    settings = settings_of(own_folder, store)
    called = asyncio.Event()

    def serve() -> Service:
        more: dict[str, Any] = {"STORE": store} if store else {}
        return Service(
            own_folder, NOWHERE, extra={"SSL_CERT_FILE": str(receiver.file)}, REALMS=REALMS, **more
        )

    async with receiver.running():
        await prepare(settings, receiver.url)
        first = serve()

        async def kill(_writer: asyncio.StreamWriter, _number: int) -> None:
            first.send(signal.SIGKILL)

        async def take(writer: asyncio.StreamWriter, number: int) -> None:
            await answering(b"")(writer, number)
            called.set()

        receiver.write = kill
        with ending(first):
            url = await asyncio.to_thread(lambda: first.url)
            async with visiting("alice") as alice:
                seen = await alice.walk(f"{url}/oidc/authorize?{urlencode(ASKED)}")
                assert "code=" in seen.headers["Location"]
                page = await alice.look(f"{url}/oidc/logout")
                with pytest.raises(aiohttp.ClientError):
                    await alice.press(page, url, answer="leave")
            await asyncio.to_thread(first.kill)
        assert len(receiver.asked) == 1
        async with open_issuers(load_settings(**settings)) as issuers:
            store_of_both = issuers["oidc"].store
            assert await rows_of(store_of_both, "SELECT count(*) FROM issuer_sessions") == [(0,)]
            assert await rows_of(store_of_both, "SELECT count(*) FROM issuer_logouts") == [(1,)]
            await execute(
                store_of_both, "DELETE FROM roles"
            )  # that of the killed one runs out after half a minute
        receiver.write = take
        with ending(serve()):
            await asyncio.wait_for(called.wait(), 90)
        assert b"logout_token=" in receiver.bodies[1]
