"""Lingpai's issuer as it is shipped: durable, the embedded store, one worker."""

import shutil
import subprocess
import sys
from pathlib import Path

from bench.cases import APP_TOKEN, CHECK, ISSUER, ONE_APP, REDEEM, REFRESH, TICKETS, WHO
from bench.contender import Command, Contender, Request, Site
from bench.contenders.spending import spending
from bench.material import SETTINGS, material_file, position_file
from bench.places import CACHE, ROOT
from bench.processes import ContenderError

_LINGPAI = str(Path(sys.executable).with_name("lingpai"))
_YZB_OK = '"status":"2000"'

# Case: path, what a right answer contains, the member whose values are counted.
_CALLS = {
    REDEEM: ("/OAuth2/token", '"status":2000', ""),
    REFRESH: ("/OAuth2/refreshtoken", _YZB_OK, ""),
    APP_TOKEN: ("/OAuth2/token", _YZB_OK, "access_token"),
    ONE_APP: ("/OAuth2/token", _YZB_OK, "access_token"),
    TICKETS: ("/OAuth2/ticket", _YZB_OK, "ticket"),
    CHECK: ("/OAuth2/checkCode", _YZB_OK, ""),
    WHO: ("/oauth2/getOpenId", '"status":1,', ""),
}


def mint(home: Path) -> None:
    """Fill ``home`` anew: data, settings, and the requests that spend it.

    Raises:
        ContenderError: that failed.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "lingpai.toml").write_text(SETTINGS, "utf-8")
    argv = [sys.executable, "-m", "bench.minting", str(home)]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ContenderError(f"minting: {done.stderr.strip()[-1000:]}")


def issuer(name: str, home: Path) -> Contender:
    """Who serves a copy of what lies in ``home``."""

    def launch(site: Site) -> tuple[Command, ...]:
        for case in _CALLS:  # a fresh copy of the data: all of it can be spent again
            position_file(material_file(home, case)).unlink(missing_ok=True)
        shutil.copytree(home, site.scratch / "home", ignore=shutil.ignore_patterns("*.bodies*"))
        argv = (_LINGPAI, "serve", "--port", str(site.port), "--workers", "1")
        env = {"LINGPAI_DATA": str(site.scratch / "home" / "data")}
        return (Command(argv, site.port, env=env, cwd=site.scratch / "home"),)

    def request(case: str) -> Request:
        path, right, counted = _CALLS[case]
        file = material_file(home, case)
        return spending(path, file, right, counted)

    requests = {case: request(case) for case in _CALLS}
    return Contender(name, "sqlite", requests, launch, prepare=lambda: mint(home))


LINGPAI_ISSUER = issuer(ISSUER, CACHE / "lingpai-issuer")
