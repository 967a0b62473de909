"""Lingpai's issuer as it is shipped, durable, with the embedded store and with PostgreSQL."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.cases import APP_TOKEN, CHECK, ISSUER, ONE_APP, PACED, REDEEM, REFRESH, TICKETS, WHO
from bench.contender import Command, Contender, Request, Site
from bench.contenders.engines import POSTGRESQL, SETUPS, SQLITE, Setup
from bench.contenders.spending import spending
from bench.copying import copy_folder
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


_MAIN = (REDEEM, REFRESH, APP_TOKEN, CHECK)
"""Cases that are measured with every setup."""


def mint(
    home: Path, setup: Setup = SETUPS[0], *, settings: str = SETTINGS, program: str = "bench.minting"
) -> None:
    """Fill ``home`` anew: data, settings, and the requests that spend it.

    Args:
        home: the folder.
        setup: the engine.
        settings: the content of `lingpai.toml`.
        program: the module that fills it.

    Raises:
        ContenderError: that failed.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "lingpai.toml").write_text(settings, "utf-8")
    setup.prepare(home)
    argv = [sys.executable, "-m", program, str(home)]
    with setup.running(home) as env:
        done = subprocess.run(
            argv, cwd=ROOT, env={**os.environ, **env}, check=False, capture_output=True, text=True
        )
    if done.returncode:
        raise ContenderError(f"minting: {done.stderr.strip()[-1000:]}")
    if env and list((home / "data").glob("*.db")):
        raise ContenderError(f"{setup.engine} was not used, but the embedded store")


def _minted(engine: str) -> Callable[[], None]:
    """Mints once for all setups of an engine, and anew in each bench: codes do not live for ever."""

    @functools.cache
    def once() -> None:
        mint(home_of(engine), Setup(engine))

    return once


def home_of(engine: str) -> Path:
    """Where it lies what was minted for an engine."""
    return CACHE / f"lingpai-issuer-{engine}"


def launching(home: Path, setup: Setup, cases: Iterable[str]) -> Callable[[Site], tuple[Command, ...]]:
    """Start a service on a copy of what was minted in ``home``, whose requests of ``cases`` are all there again."""

    def launch(site: Site) -> tuple[Command, ...]:
        for case in cases:  # a fresh copy of the data: all of it can be spent again
            position_file(material_file(home, case)).unlink(missing_ok=True)
        copy = site.scratch / "home"
        copy_folder(home, copy, ignore=shutil.ignore_patterns("*.bodies*", "cluster"))
        store, env = setup.launch(home, copy)
        argv = (_LINGPAI, "serve", "--port", str(site.port), "--workers", str(setup.workers))
        data = {"LINGPAI_DATA": str(copy / "data")}
        return (*store, Command(argv, site.port, env={**env, **data}, cwd=copy))

    return launch


def issuer(setup: Setup, prepare: Callable[[], None]) -> Contender:
    """Who serves a copy of what was minted for an engine."""
    home = home_of(setup.engine)

    def request(case: str) -> Request:
        path, right, counted = _CALLS[case]
        return spending(path, material_file(home, case), right, counted)

    cases = _CALLS if setup == SETUPS[0] else _MAIN
    return Contender(
        name=setup.name(ISSUER),
        engine=setup.engine,
        requests={case: request(case) for case in cases},
        launch=launching(home, setup, _CALLS),
        tools=setup.tools,
        prepare=prepare,
        workers=setup.workers,
        paced=tuple(case for case in _MAIN if case in PACED) if setup.workers == 1 else (),
    )


_MINTED = {engine: _minted(engine) for engine in (SQLITE, POSTGRESQL)}
ISSUERS = tuple(issuer(setup, _MINTED[setup.engine]) for setup in SETUPS)
