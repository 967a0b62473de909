"""Reference (f): ``django-oauth-toolkit`` under gunicorn, on SQLite: client_credentials and introspection."""

import os
import shutil
import subprocess

from bench.cases import FORM_TYPE, INTROSPECT, OAUTH_TOOLKIT, STANDARD
from bench.contender import Command, Contender, Request, Site
from bench.contenders import environment
from bench.contenders.spending import spending
from bench.copying import copy_folder
from bench.material import position_file
from bench.places import CACHE, REFERENCES

_HOME = CACHE / "oauth-toolkit"
_BODIES = _HOME / "introspection.bodies"
_TOKEN = "grant_type=client_credentials&client_id=bench&client_secret=0123456789abcdef0123456789abcdef"
_GUNICORN = "--workers 1 --worker-class gthread --threads 4 --keep-alive 60 --log-level warning"


def _prepare() -> None:
    environment.prepare()
    shutil.rmtree(_HOME, ignore_errors=True)
    _HOME.mkdir(parents=True)
    argv = [str(environment.python()), "oauth_toolkit.py", str(_BODIES)]
    env = {**os.environ, "DATABASE": str(_HOME / "db.sqlite3")}
    done = subprocess.run(argv, cwd=REFERENCES, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"oauth_toolkit.py: {done.stderr.strip()[-1000:]}")


def _launch(site: Site) -> tuple[Command, ...]:
    position_file(_BODIES).unlink(missing_ok=True)
    home = site.scratch / "home"
    copy_folder(_HOME, home, ignore=shutil.ignore_patterns("*.bodies*"))
    bind = ("--bind", f"127.0.0.1:{site.port}")
    argv = (
        str(environment.python()),
        "-m",
        "gunicorn",
        *_GUNICORN.split(),
        *bind,
        "oauth_toolkit:application",
    )
    return (Command(argv, site.port, env={"DATABASE": str(home / "db.sqlite3")}, cwd=REFERENCES),)


TOOLKIT = Contender(
    name=OAUTH_TOOLKIT,
    engine="sqlite",
    requests={
        STANDARD: Request("/token", "POST", FORM_TYPE, _TOKEN),
        INTROSPECT: spending("/introspect", _BODIES, '"active": true'),
    },
    launch=_launch,
    prepare=_prepare,
)
