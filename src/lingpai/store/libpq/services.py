"""Service files: connections by name (libpq-pgservice.html), and password files (libpq-pgpass.html)."""

import configparser
import logging
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lingpai.store.libpq.parameters import ALIASES, ParameterError, demand_values

_SERVICE_FILE: Final = ".pg_service.conf"
_PASSWORD_FILE: Final = ".pgpass"  # noqa: S105  a file's name
_FIELDS: Final = 5

_log = logging.getLogger(__name__)


def service(name: str, file: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a service.

    Args:
        name: the service's.
        file: the file that the address names, or None.
        environ: the environment.

    Raises:
        ParameterError: there is no such service, or a parameter of it cannot be honoured.
    """
    files = [Path(file)] if file else _service_files(environ)
    for each in files:
        found = _section(each, name)
        if found is not None:
            demand_values(found, f"in the service {name} of {each}, ")
            return found
    looked = ", ".join(map(str, files))
    raise ParameterError(f"the parameter service names none of {looked}: add its section [{name}] there")


def _service_files(environ: Mapping[str, str]) -> list[Path]:
    found = [environ.get("PGSERVICEFILE") or str(_home(environ) / _SERVICE_FILE)]
    if environ.get("PGSYSCONFDIR"):
        found.append(str(Path(environ["PGSYSCONFDIR"]) / "pg_service.conf"))
    return [Path(each) for each in found]


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111  never raises


def _section(file: Path, name: str) -> dict[str, str] | None:
    parser = configparser.ConfigParser(
        delimiters=("=",), comment_prefixes=("#",), strict=False, interpolation=None, default_section=""
    )
    try:
        parser.read_string(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise ParameterError(
            f"the service file {file} cannot be read ({type(error).__name__}): mend it"
        ) from error
    if not parser.has_section(name):
        return None
    return {ALIASES.get(key, key): value for key, value in parser.items(name)}


def password(
    file: str | None, host: str, port: int, database: str, user: str, environ: Mapping[str, str]
) -> str | None:
    """The password of the first line of the password file that fits; None when there is none.

    A file that others can read is passed over, as libpq does, and that is logged.

    Args:
        file: the file that was named, or None for `~/.pgpass`.
        host: as the address names it; a folder of sockets counts as localhost.
        port: the server's.
        database: its name.
        user: who connects.
        environ: the environment.
    """
    path = Path(file) if file else _home(environ) / _PASSWORD_FILE
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            _log.warning("The password file %s is passed over: others can read it; run chmod 600.", path)
            return None
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    wanted = ("localhost" if host.startswith("/") else host, str(port), database, user)
    for line in lines:
        fields = _fields(line)
        if len(fields) == _FIELDS and all(
            has in ("*", wants) for has, wants in zip(fields, wanted, strict=False)
        ):
            return fields[-1]
    return None


def _fields(line: str) -> list[str]:
    if line.startswith("#"):
        return []
    return [re.sub(r"\\(.)", r"\1", each) for each in re.findall(r"(?:^|:)((?:\\.|[^:\\])*)", line)]
