"""Reference (e): npm's ``oidc-provider``, in memory: client_credentials and introspection."""

import shutil
import subprocess

from bench.cases import FORM_TYPE, INTROSPECT, OIDC_PROVIDER, STANDARD
from bench.contender import Command, Contender, Request, Site
from bench.contenders.spending import spending
from bench.material import position_file
from bench.places import CACHE, REFERENCES

_SOURCE = REFERENCES / "oidc"
_HOME = CACHE / "oidc"
_BODIES = CACHE / "oidc-introspection.bodies"
_FILES = ("package.json", "package-lock.json", "server.mjs")
_TOKEN = "grant_type=client_credentials&client_id=bench&client_secret=0123456789abcdef0123456789abcdef"


def _prepare() -> None:
    pinned = (_SOURCE / "package-lock.json").read_bytes()
    stamp = _HOME / "ready"
    for file in _FILES:
        _HOME.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_SOURCE / file, _HOME / file)
    if stamp.exists() and stamp.read_bytes() == pinned:
        return
    argv = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(argv, cwd=_HOME, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"npm failed: {done.stderr.strip()[-1000:]}")
    stamp.write_bytes(pinned)


def _launch(site: Site) -> tuple[Command, ...]:
    position_file(_BODIES).unlink(missing_ok=True)
    argv = ("node", "server.mjs", str(site.port), str(_BODIES))
    return (Command(argv, site.port, env={"NODE_ENV": "production"}, cwd=_HOME),)


OIDC = Contender(
    name=OIDC_PROVIDER,
    engine="memory",
    requests={
        INTROSPECT: spending("/token/introspection", _BODIES, '"active":true'),
        STANDARD: Request("/token", "POST", FORM_TYPE, _TOKEN),
    },
    launch=_launch,
    tools=("node", "npm"),
    prepare=_prepare,
)
