"""References (e) and (g): OAuth servers from npm, in memory."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.cases import (
    BOUND,
    BY_SECRET,
    CODE,
    CODE_RSA,
    FORM_TYPE,
    INTROSPECT,
    OAUTH2_SERVER,
    OIDC_PROVIDER,
    PUSHED,
    ROTATED,
    SIGNED,
    STANDARD,
    USERINFO,
)
from bench.contender import Command, Contender, Request, Site
from bench.contenders.spending import spending
from bench.places import CACHE, REFERENCES
from bench.proofs import write_proven

_FILES = ("package.json", "package-lock.json", "server.mjs")
CODES = 20_000
"""Codes of oidc-provider, each spent once: enough for 6,000 a second, one second to warm up and two at full load."""
_TOKEN = "grant_type=client_credentials&client_id=bench&client_secret=0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class _Package:
    """A server that is installed by npm from its own lock file.

    Attributes:
        folder: of its files, and of what is installed.
    """

    folder: str

    def prepare(self) -> None:
        """Install it, unless that was done before by the same lock file."""
        source, home = REFERENCES / self.folder, CACHE / self.folder
        pinned = (source / "package-lock.json").read_bytes()
        stamp = home / "ready"
        home.mkdir(parents=True, exist_ok=True)
        for file in _FILES:
            shutil.copyfile(source / file, home / file)
        if stamp.exists() and stamp.read_bytes() == pinned:
            return
        argv = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        done = subprocess.run(argv, cwd=home, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"npm failed: {done.stderr.strip()[-1000:]}")
        stamp.write_bytes(pinned)

    def bodies(self, name: str) -> Path:
        """Where it writes the requests of a case."""
        return CACHE / self.folder / f"{name}.bodies"

    def launch(self, site: Site) -> tuple[Command, ...]:
        """How it is started."""
        home = CACHE / self.folder
        for position in home.glob("*.position"):
            position.unlink()
        write_proven(self.bodies("proven"), [_TOKEN], f"http://127.0.0.1:{site.port}/token")
        argv = ("node", "server.mjs", str(site.port), str(home), str(CODES))
        return (Command(argv, site.port, env={"NODE_ENV": "production"}, cwd=home),)

    def contender(self, name: str, requests: Mapping[str, Request]) -> Contender:
        """The contender that asks it for all of this, and for tokens of the client's own at `/token`."""
        return Contender(
            name=name,
            engine="memory",
            requests={**requests, STANDARD: Request("/token", "POST", FORM_TYPE, _TOKEN)},
            launch=self.launch,
            tools=("node", "npm"),
            prepare=self.prepare,
        )


_OIDC, _OAUTH2 = _Package("oidc"), _Package("oauth2-server")
_ACTIVE = '"active":true'
OIDC = _OIDC.contender(
    OIDC_PROVIDER,
    {
        BOUND: spending("/token", _OIDC.bodies("proven"), '"DPoP"', "access_token"),
        CODE_RSA: spending("/token", _OIDC.bodies("code-rs256"), '"id_token"'),
        ROTATED: spending("/token", _OIDC.bodies("refresh-public"), '"refresh_token"', "refresh_token"),
        PUSHED: spending("/request", _OIDC.bodies("pushed"), '"request_uri"', "request_uri"),
        INTROSPECT: spending("/token/introspection", _OIDC.bodies("introspection"), _ACTIVE),
        USERINFO: spending("/me", _OIDC.bodies("userinfo"), '"sub"'),
        BY_SECRET: spending("/token", _OIDC.bodies("refresh-by-secret"), '"id_token"'),
        CODE: spending("/token", _OIDC.bodies("code"), '"id_token"'),
        SIGNED: Request("/token", "POST", FORM_TYPE, f"{_TOKEN}&resource=https%3A%2F%2Fapi.example%2F"),
    },
)
OAUTH2 = _OAUTH2.contender(
    OAUTH2_SERVER, {INTROSPECT: spending("/introspect", _OAUTH2.bodies("introspection"), _ACTIVE)}
)
