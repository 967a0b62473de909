"""Apache's mod_auth_openidc, unmodified, protects a page: code with PKCE, userinfo, refresh."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bench.ports import free_port
from lingpai.core.issuer_records import App
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.service import open_issuers
from lingpai.settings import Settings
from tests.clients.stack import Stack
from tests.issuer.dialects.visitors import PASSWORD, visiting
from tests.prepare import APACHE_MODULE, find_command

pytestmark = pytest.mark.skipif(
    not APACHE_MODULE.exists(), reason="no Apache with mod_auth_openidc here: run tests/prepare.py"
)
SECRET = "0123456789abcdef0123456789abcdef01234567"
PROTECTED = "a page for users\n"
MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "auth_openidc")
CONFIGURATION = """
ServerRoot "{home}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{home}/httpd.pid"
ErrorLog "{home}/error.log"
LogLevel warn
{modules}
DocumentRoot "{home}/pages"
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID 100001
OIDCClientSecret {secret}
OIDCRedirectURI http://127.0.0.1:{port}/secure/callback
OIDCCryptoPassphrase {secret}
OIDCScope "openid profile"
OIDCPKCEMethod S256
OIDCInfoHook access_token access_token_expires id_token userinfo
<Location /secure>
  AuthType openid-connect
  Require claim preferred_username:shopper
</Location>
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def extras(port: int) -> dict[str, Any]:
    async def add(settings: Settings) -> None:
        async with open_issuers(settings) as issuers:
            redirect = f"http://127.0.0.1:{port}/secure/callback"
            app = App(realm="oidc", app_id="100001", name="Apache", redirect_uris=(redirect,))
            await admin.declare_app(issuers["oidc"], app, SECRET)
            for login in ("shopper", "stranger"):
                await admin.add_user(issuers["oidc"], login, PASSWORD, Profile(nick="小明"))

    return {"add": add}


@pytest.fixture
def apache(stack: Stack, port: int) -> Iterator[str]:
    """Apache on the port; gives the address of its protected page."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)  # started as root it serves as another user
        (home / "pages" / "secure").mkdir(parents=True)
        (home / "pages" / "secure" / "index.html").write_text(PROTECTED)
        loads = [f"LoadModule {name}_module {APACHE_MODULE.with_name(f'mod_{name}.so')}" for name in MODULES]
        if os.geteuid() == 0:
            loads += ["User www-data", "Group www-data"]
        filled = CONFIGURATION.format(
            home=home, port=port, issuer=f"{stack.url}/oidc", secret=SECRET, modules="\n".join(loads)
        )
        (home / "httpd.conf").write_text(filled)
        program = find_command("apache2")
        assert program is not None
        with (home / "started.log").open("wb") as log:
            process = subprocess.Popen(
                [program, "-f", str(home / "httpd.conf"), "-DFOREGROUND"], stdout=log, stderr=log
            )
        try:
            _wait_for(port, process, home)
            yield f"http://127.0.0.1:{port}/secure/"
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    ends_at = time.monotonic() + 30
    while time.monotonic() < ends_at:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, (home / "started.log").read_text()
        time.sleep(0.05)
    raise AssertionError((home / "started.log").read_text())


async def test_a_protected_page_is_shown_after_the_login_and_tokens_are_refreshed(apache: str) -> None:
    async with visiting("shopper") as visitor:
        begun = await visitor._open("GET", apache)
        back = await visitor.walk(begun.headers["Location"])
        ended = await visitor._open("GET", back.headers["Location"])
        assert (ended.status, ended.headers["Location"]) == (302, apache)
        assert (await visitor._open("GET", apache)).body.decode() == PROTECTED
        info = json.loads((await visitor._open("GET", f"{apache}callback?info=json")).body)
        assert info["userinfo"]["name"] == "小明"
        assert info["id_token"]["sub"] == info["userinfo"]["sub"]
        query = urlencode({"refresh": apache, "access_token": info["access_token"]})
        refreshed = await visitor._open("GET", f"{apache}callback?{query}")
        assert (refreshed.status, refreshed.headers["Location"]) == (302, apache), "without error_code"
        again = json.loads((await visitor._open("GET", f"{apache}callback?info=json")).body)
        assert int(again["access_token_expires"]) >= int(info["access_token_expires"])
        assert again["userinfo"] == info["userinfo"]


async def test_another_user_is_not_let_in(apache: str) -> None:
    async with visiting("stranger") as visitor:
        begun = await visitor._open("GET", apache)
        back = await visitor.walk(begun.headers["Location"])
        await visitor._open("GET", back.headers["Location"])
        assert (await visitor._open("GET", apache)).status in {401, 403}
