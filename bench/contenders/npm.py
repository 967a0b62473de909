"""References (e) and (g): OAuth servers from npm, in memory: client_credentials and introspection."""

import shutil
import subprocess
from dataclasses import dataclass

from bench.cases import FORM_TYPE, INTROSPECT, OAUTH2_SERVER, OIDC_PROVIDER, STANDARD
from bench.contender import Command, Contender, Request, Site
from bench.contenders.spending import spending
from bench.material import position_file
from bench.places import CACHE, REFERENCES

_FILES = ("package.json", "package-lock.json", "server.mjs")
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

    def launch(self, site: Site) -> tuple[Command, ...]:
        """How it is started."""
        bodies = CACHE / f"{self.folder}-introspection.bodies"
        position_file(bodies).unlink(missing_ok=True)
        argv = ("node", "server.mjs", str(site.port), str(bodies))
        return (Command(argv, site.port, env={"NODE_ENV": "production"}, cwd=CACHE / self.folder),)

    def contender(self, name: str, introspection: str) -> Contender:
        """The contender that asks it for tokens at `/token` and about them at another path."""
        bodies = CACHE / f"{self.folder}-introspection.bodies"
        return Contender(
            name=name,
            engine="memory",
            requests={
                INTROSPECT: spending(introspection, bodies, '"active":true'),
                STANDARD: Request("/token", "POST", FORM_TYPE, _TOKEN),
            },
            launch=self.launch,
            tools=("node", "npm"),
            prepare=self.prepare,
        )


OIDC = _Package("oidc").contender(OIDC_PROVIDER, "/token/introspection")
OAUTH2 = _Package("oauth2-server").contender(OAUTH2_SERVER, "/introspect")
