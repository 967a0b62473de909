"""Lingpai as it is shipped: ``lingpai serve``, one worker, the embedded store."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.answers import ACCOUNT, GET_XCX_PATH, SECRET
from bench.cases import CASES, FEW_ACCOUNTS, HELD_TOKEN, LINGPAI, MANY_ACCOUNTS
from bench.contender import Command, Contender, Request, Role, Site, free_port
from bench.contenders import bare
from bench.machine import cores
from bench.places import CACHE, SCRIPTS
from bench.priming import prime
from bench.processes import running

_ANY = "getXcx, any account"
_ACCOUNTS = "wxbench%05d"
_ASK = f"{GET_XCX_PATH}?appid={_ACCOUNTS}&secret={SECRET}"


def _configure(home: Path, accounts: Iterable[str]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / ".env").write_text("".join(f"THIRD_APPID_{account}={SECRET}\n" for account in accounts), "utf-8")


def _serve(home: Path, port: int) -> tuple[Command, ...]:
    upstream = free_port()
    env = {"LINGPAI_DATA": str(home / "data"), "LINGPAI_WECHAT__BASE_URL": f"http://127.0.0.1:{upstream}"}
    argv = (str(Path(sys.executable).with_name("lingpai")), "serve", "--port", str(port), "--workers", "1")
    return (bare.serve(upstream, Role.UPSTREAM), Command(argv, port, env=env, cwd=home))


def _launch_empty(site: Site) -> tuple[Command, ...]:
    """From an empty folder, so that the time to the first answer covers all that a first start does."""
    _configure(site.scratch / "home", [ACCOUNT])
    return _serve(site.scratch / "home", site.port)


def _home(count: int) -> Path:
    return CACHE / f"lingpai-{count}"


def _prepare(count: int) -> Callable[[], None]:
    def fetch_all() -> None:
        """Anew for each bench: tokens live for two hours only."""
        shutil.rmtree(_home(count), ignore_errors=True)
        _configure(_home(count), [_ACCOUNTS % number for number in range(count)])
        commands = _serve(_home(count), free_port())
        first = (CASES[_ANY], Request(_ASK % 0))
        with (
            tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as logs,
            running(commands, cores(), Path(logs), first) as live,
        ):
            prime(live.port, (_ASK % number for number in range(count)), CASES[_ANY])

    return fetch_all


def _launch_filled(count: int) -> Callable[[Site], tuple[Command, ...]]:
    def launch(site: Site) -> tuple[Command, ...]:
        shutil.copytree(_home(count), site.scratch / "home")
        return _serve(site.scratch / "home", site.port)

    return launch


def _with_accounts(name: str, count: int) -> Contender:
    request = Request(_ASK % 0, script=SCRIPTS / "accounts.lua", arguments=(_ASK, str(count)))
    return Contender(
        name=name,
        engine="sqlite",
        requests={_ANY: request},
        launch=_launch_filled(count),
        prepare=_prepare(count),
    )


KEEPER = Contender(name=LINGPAI, engine="sqlite", requests=HELD_TOKEN, launch=_launch_empty)
KEEPER_FEW = _with_accounts(FEW_ACCOUNTS, 10)
KEEPER_MANY = _with_accounts(MANY_ACCOUNTS, 10_000)
