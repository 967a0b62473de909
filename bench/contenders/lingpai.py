"""Lingpai as it is shipped: ``lingpai serve``, with the embedded store and with PostgreSQL."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.answers import ACCOUNT, GET_XCX_PATH, SECRET
from bench.cases import CASES, FEW_ACCOUNTS, HELD_TOKEN, LINGPAI, MANY_ACCOUNTS
from bench.contender import Command, Contender, Request, Role, Site
from bench.contenders import bare
from bench.contenders.engines import SETUPS, Setup
from bench.copying import copy_folder
from bench.machine import cores
from bench.places import CACHE, SCRIPTS
from bench.ports import free_port
from bench.priming import prime
from bench.processes import ContenderError, running

_ANY = "getXcx, any account"
_HELD = "getXcx"
_ACCOUNTS = "wxbench%05d"
_ASK = f"{GET_XCX_PATH}?appid={_ACCOUNTS}&secret={SECRET}"


_LINGPAI = str(Path(sys.executable).with_name("lingpai"))
_EMPTY = CACHE / "lingpai-empty"


def apply(home: Path, sections: Mapping[str, Any]) -> None:
    """Have `lingpai apply` bring these sections into the data in ``home``.

    Raises:
        ContenderError: it failed.
    """
    file = home / "sections.json"
    file.touch(0o600)
    file.write_text(json.dumps(sections), "utf-8")
    argv = [_LINGPAI, "apply", str(file), "--data", str(home / "data")]
    done = subprocess.run(argv, cwd=home, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ContenderError(f"lingpai apply: {done.stderr.strip()[-1000:]}")


def service(home: Path, port: int, upstream: int, env: Mapping[str, str], workers: int = 1) -> Command:
    """The service on the data in ``home``, before the platform on the port ``upstream``."""
    given = {"LINGPAI_DATA": str(home / "data"), "LINGPAI_WECHAT__BASE_URL": f"http://127.0.0.1:{upstream}"}
    argv = (_LINGPAI, "serve", "--port", str(port), "--workers", str(workers))
    return Command(argv, port, env={**given, **env}, cwd=home)


def serve(home: Path, port: int, env: Mapping[str, str], workers: int = 1) -> tuple[Command, ...]:
    """The upstream and the service on the data in ``home``."""
    upstream = free_port()
    return (bare.serve(upstream, Role.UPSTREAM), service(home, port, upstream, env, workers))


def _empty(setup: Setup) -> Contender:
    """From an empty folder, so that the time to the first answer covers all that a first start does."""

    def launch(site: Site) -> tuple[Command, ...]:
        store, env = setup.launch(_EMPTY, site.scratch)
        account = {f"THIRD_APPID_{ACCOUNT}": SECRET}
        return (*store, *serve(site.scratch, site.port, {**env, **account}, setup.workers))

    default = setup == SETUPS[0]
    return Contender(
        name=setup.name(LINGPAI),
        engine=setup.engine,
        requests=HELD_TOKEN if default else {_HELD: HELD_TOKEN[_HELD]},
        launch=launch,
        tools=setup.tools,
        prepare=lambda: setup.prepare(_EMPTY),
        workers=setup.workers,
        paced=(_HELD,) if setup.workers == 1 else (),
    )


def _home(count: int) -> Path:
    return CACHE / f"lingpai-{count}"


def _prepare(count: int) -> Callable[[], None]:
    def fetch_all() -> None:
        """Anew for each bench: tokens live for two hours only."""
        shutil.rmtree(_home(count), ignore_errors=True)
        _home(count).mkdir(parents=True)
        accounts = [
            {"platform": "wechat", "account": _ACCOUNTS % number, "secret": SECRET} for number in range(count)
        ]
        apply(_home(count), {"accounts": accounts})
        commands = serve(_home(count), free_port(), {})
        first = (CASES[_ANY], Request(_ASK % 0))
        with (
            tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as logs,
            running(commands, cores(), Path(logs), first) as live,
        ):
            prime(live.port, (_ASK % number for number in range(count)), CASES[_ANY])

    return fetch_all


def _launch_filled(count: int) -> Callable[[Site], tuple[Command, ...]]:
    def launch(site: Site) -> tuple[Command, ...]:
        copy_folder(_home(count), site.scratch / "home")
        return serve(site.scratch / "home", site.port, {})

    return launch


def _with_accounts(name: str, count: int) -> Contender:
    request = Request(_ASK % 0, script=SCRIPTS / "accounts.lua", arguments=(_ASK, str(count)))
    return Contender(
        name=name,
        engine="sqlite",
        requests={_ANY: request},
        launch=_launch_filled(count),
        prepare=_prepare(count),
        warm_up_s=1 if count < 1000 else 4,  # so that each account was asked for several times
    )


KEEPERS = tuple(map(_empty, SETUPS))
KEEPER_FEW = _with_accounts(FEW_ACCOUNTS, 10)
KEEPER_MANY = _with_accounts(MANY_ACCOUNTS, 10_000)
