"""Gets what the suite needs beside `.venv`; `make test` runs it first. Quick when nothing is missing.

Each step is a line of `STEPS`: what it is, whether it is there, and how to get it. What cannot be got is
said, and the exit status is not zero.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parent
NODE = TESTS / "clients" / "node"
WECHATPY2 = TESTS / ".cache" / "wechatpy2"
WECHATPY2_PINS = TESTS / "clients" / "wechatpy2.txt"
OAUTH = TESTS / ".cache" / "oauth"
OAUTH_PINS = TESTS / "clients" / "oauth.txt"
OIDC = TESTS / ".cache" / "oidc"
OIDC_PINS = TESTS / "clients" / "oidc.txt"
YILIANYUN = TESTS / ".cache" / "yilianyun"
YILIANYUN_PINS = TESTS / "clients" / "yilianyun.txt"
MSGQYWX = TESTS / ".cache" / "msgqywx"
MSGQYWX_PINS = TESTS / "clients" / "msgqywx.txt"
LARK = TESTS / ".cache" / "lark"
LARK_PINS = TESTS / "clients" / "lark.txt"
STANDARDWEBHOOKS = TESTS / ".cache" / "standardwebhooks"
STANDARDWEBHOOKS_PINS = TESTS / "clients" / "standardwebhooks.txt"
DINGTALK = TESTS / ".cache" / "dingtalk"
DINGTALK_PINS = TESTS / "clients" / "dingtalk.txt"
APACHE_MODULE = Path("/usr/lib/apache2/modules/mod_auth_openidc.so")
KUBERNETES = TESTS / ".cache" / "kubernetes"
KUBERNETES_PINS = TESTS / "deploy" / "kubernetes.txt"
PROMTOOL = TESTS / ".cache" / "prometheus"
POSTGRESQL = TESTS / ".cache" / "postgresql"
POSTGRESQL_PINS = TESTS / "helpers" / "postgresql.txt"
POSTGRESQL_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")
STAMP = ".lingpai-ready"


class NotPreparedError(Exception):
    """A step failed; says what to do by hand."""


class Step(NamedTuple):
    """One thing that the suite needs.

    Attributes:
        name: what it is.
        present: whether it is there; quick, and changes nothing.
        get: gets it; raises NotPreparedError when it cannot.
        optional: whether the suite passes without it: then its tests are skipped, and say so.
    """

    name: str
    present: Callable[[], bool]
    get: Callable[[], None]
    optional: bool = False


def run(*command: str, cwd: Path = TESTS) -> None:
    """Run a command; its output is shown only when it fails.

    Raises:
        NotPreparedError: it is not there or ended with another status than 0.
    """
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotPreparedError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        raise NotPreparedError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")


def stamped(folder: Path, pins: Path) -> bool:
    """Whether `folder` was filled from just these pins, by this Python."""
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text("utf-8") == _digest(pins)


def stamp(folder: Path, pins: Path) -> None:
    """Note that `folder` was filled from these pins."""
    (folder / STAMP).write_text(_digest(pins), "utf-8")


def _digest(pins: Path) -> str:
    return hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()


def debian(name: str, *commands: str, packages: tuple[str, ...], optional: bool = False) -> Step:
    """A step for what Debian packages: there when all of the commands are."""

    def get() -> None:
        by_hand = f"apt-get install {' '.join(packages)}"
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            raise NotPreparedError(f"install it as root: {by_hand}")
        run("apt-get", "update", "--quiet")
        run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages)

    return Step(name, lambda: all(map(find_command, commands)), get, optional)


def find_command(name: str) -> str | None:
    """Where a program is, be it one for administrators, which are not on everybody's PATH; None when it is not."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def get_node_packages() -> None:
    """The JavaScript SDKs, at the versions of the lock file.

    Raises:
        NotPreparedError: npm cannot get them.
    """
    run("npm", "ci", "--ignore-scripts", cwd=NODE)
    stamp(NODE / "node_modules", NODE / "package-lock.json")


def python_packages(name: str, folder: Path, pins: Path, *, optional: bool = False) -> Step:
    """A step for Python packages in a folder of their own, which is put before the environment's own packages."""

    def get() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes")
        where = ("--target", str(folder), "-r", str(pins))
        run(sys.executable, "-m", "pip", "install", *options, *where)
        stamp(folder, pins)

    return Step(name, lambda: stamped(folder, pins), get, optional)


def find_promtool() -> Path | None:
    """Return Prometheus' checker of rules, or None when there is none."""
    unpacked = PROMTOOL / "usr" / "bin" / "promtool"
    return unpacked if unpacked.exists() else next(map(Path, filter(None, [find_command("promtool")])), None)


def get_promtool() -> None:
    """Unpack it from Debian's package, whose installation would start a server.

    Raises:
        NotPreparedError: there is no such package.
    """
    PROMTOOL.mkdir(parents=True, exist_ok=True)
    if shutil.which("apt-get") is None:
        raise NotPreparedError("install Prometheus, which has promtool")
    if os.geteuid() == 0:
        run("apt-get", "update", "--quiet")
    run("apt-get", "download", "--quiet", "prometheus", cwd=PROMTOOL)
    (package,) = PROMTOOL.glob("prometheus_*.deb")
    run("dpkg-deb", "--extract", str(package), str(PROMTOOL))
    package.unlink()


def find_postgresql() -> Path | None:
    """The folder with the programs of a PostgreSQL server, of the newest there is; None when there is none."""
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in POSTGRESQL_FOLDERS:
        folders += sorted(Path("/").glob(pattern), key=lambda each: (len(str(each)), str(each)), reverse=True)
    folders += POSTGRESQL.glob("*/pginstall/bin")
    programs = ("postgres", "initdb", "pg_isready", "pg_ctl")
    return next((each for each in folders if all((each / name).exists() for name in programs)), None)


def get_postgresql() -> None:
    """Debian's server when we may install it, else one from a wheel.

    Raises:
        NotPreparedError: neither can be had.
    """
    by_hand = (
        "install a PostgreSQL server, 13 or later (Debian: apt-get install postgresql), or put one on PATH"
    )
    attempts = (
        debian("PostgreSQL", packages=("postgresql",)),
        python_packages("PostgreSQL in a wheel", POSTGRESQL, POSTGRESQL_PINS),
    )
    problems = []
    for attempt in attempts:
        try:
            attempt.get()
        except NotPreparedError as error:
            problems.append(str(error))
        if find_postgresql() is not None:
            return
    raise NotPreparedError("\n".join([by_hand, *problems]))


STEPS: tuple[Step, ...] = (
    debian("Node.js and npm", "node", "npm", packages=("nodejs", "npm")),
    Step("PostgreSQL", lambda: find_postgresql() is not None, get_postgresql),
    debian("Redis", "redis-server", packages=("redis-server",)),
    Step(
        "JavaScript clients (openid-client, oidc-client-ts, @modelcontextprotocol/sdk, co-wechat-api, …)",
        lambda: stamped(NODE / "node_modules", NODE / "package-lock.json"),
        get_node_packages,
    ),
    debian("Chromium", "chromium", packages=("chromium",)),
    debian("nginx", "nginx", packages=("nginx-light",), optional=True),
    Step(
        "Apache with mod_auth_openidc",
        APACHE_MODULE.exists,
        debian("", packages=("apache2-bin", "libapache2-mod-auth-openidc")).get,
        optional=True,
    ),
    debian("PgBouncer", "pgbouncer", packages=("pgbouncer",), optional=True),
    debian(
        "Patroni and etcd",
        "patroni",
        "etcd",
        packages=("patroni", "etcd-server", "python3-etcd"),
        optional=True,
    ),
    Step("promtool", lambda: find_promtool() is not None, get_promtool, optional=True),
    python_packages("kubernetes-validate", KUBERNETES, KUBERNETES_PINS, optional=True),
    python_packages("wechatpy 2", WECHATPY2, WECHATPY2_PINS),
    python_packages("OAuth clients (requests-oauthlib, Authlib)", OAUTH, OAUTH_PINS),
    python_packages("OpenID Connect and MCP clients (idpyoidc, mcp)", OIDC, OIDC_PINS),
    python_packages("yly-python-sdk", YILIANYUN, YILIANYUN_PINS),
    python_packages("msgqywx", MSGQYWX, MSGQYWX_PINS),
    python_packages("lark-oapi", LARK, LARK_PINS),
    python_packages("alibabacloud-dingtalk", DINGTALK, DINGTALK_PINS),
    python_packages("standardwebhooks", STANDARDWEBHOOKS, STANDARDWEBHOOKS_PINS),
)


def main(steps: tuple[Step, ...] = STEPS) -> int:
    """Get what is missing of `steps`, all that can be got.

    Returns:
        The exit status: 0 when nothing is missing any more, else 1.
    """
    failed = 0
    for step in steps:
        if step.present():
            continue
        say(f"getting {step.name} ...")
        try:
            step.get()
        except NotPreparedError as error:
            failed += not step.optional
            what = "SKIPPED, AND ITS TESTS WITH IT" if step.optional else "NOT PREPARED"
            say(f"{what}: {step.name}: {error}")
    return int(failed > 0)


def say(text: str) -> None:
    """Tell it to whoever runs this."""
    sys.stderr.write(f"prepare: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
