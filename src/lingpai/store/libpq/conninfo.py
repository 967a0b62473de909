"""The meaning of an address: hosts in order, user, and settings of the session."""

import getpass
import os
import re
import shlex
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from lingpai.store.libpq.parameters import ALIASES, KNOWN, ParameterError, demand_values, from_environment
from lingpai.store.libpq.services import password, service

PORT: Final = 5432
_HIGHEST_PORT: Final = 65_535
_FOLDERS: Final = ("/run/postgresql", "/var/run/postgresql", "/tmp")  # noqa: S108  where packages put the socket
_URL: Final = re.compile(
    r"postgres(?:ql)?://(?:(?P<who>[^/?]*)@)?(?P<hosts>[^/?@]*)(?:/(?P<dbname>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_HOST: Final = re.compile(r"(\[(?P<v6>[^\]]+)\]|(?P<name>[^:\[\]]*))(:(?P<port>\d*))?")
_OPTION: Final = re.compile(r"(?:-c\s*|--)(?P<name>[\w.-]+)=(?P<value>.*)", re.DOTALL)

_PLUS: Final = re.compile(r"\+(?=-)|(?<=-c)\+")
"""A space, as many write it in an address."""


class Host(NamedTuple):
    """One host.

    Attributes:
        name: a name, an address, or the folder of a socket (it begins with "/").
        port: 5432 when nothing else is said.
        address: what is connected to instead of the name, which then is what a certificate has to show.
    """

    name: str
    port: int
    address: str | None = None

    @property
    def is_local(self) -> bool:
        """True for a Unix socket of this host."""
        return self.name.startswith("/")

    def __str__(self) -> str:
        """The name for people."""
        return self.name if self.is_local else f"{self.name}:{self.port}"


class Conninfo(NamedTuple):
    """The combination of an address, its service and the environment, in this order of precedence.

    Attributes:
        hosts: at least one.
        database: its name.
        user: who connects.
        session: settings that the session is asked to have, by name.
        given: all parameters as they were given.
    """

    hosts: tuple[Host, ...]
    database: str
    user: str
    session: Mapping[str, str]
    given: Mapping[str, str]

    def password(self, host: Host, environ: Mapping[str, str] | None = None) -> str | None:
        """The password for a host; None when nobody gave one."""
        known = self.given.get("password")
        if known is not None:
            return known
        where = environ if environ is not None else os.environ
        return password(self.given.get("passfile"), host.name, host.port, self.database, self.user, where)

    def number(self, name: str) -> int | None:
        """The value of a parameter that is a number; None when it was not given."""
        text = self.given.get(name)
        return int(text) if text else None

    def __repr__(self) -> str:
        """Never shows a password."""
        return f"Conninfo({', '.join(map(str, self.hosts))})"


def read(dsn: str, environ: Mapping[str, str] | None = None) -> Conninfo:
    """Read an address.

    Args:
        dsn: `postgresql://…`, with percent-encoded parts and parameters (libpq-connect.html, 34.1.1.2).
        environ: the environment; this process's own when None.

    Raises:
        ParameterError: a part or parameter cannot be honoured; never shows a value.
    """
    where = os.environ if environ is None else environ
    asked = _of_url(dsn)
    demand_values(asked)
    around = from_environment(where)
    name = asked.get("service") or around.get("service")
    named = service(name, asked.get("servicefile"), where) if name else {}
    given = {**around, **named, **asked}
    user = given.get("user") or getpass.getuser()
    return Conninfo(_hosts(given), given.get("dbname") or user, user, _session(given), given)


def hosts_of(dsn: str) -> str:
    """The hosts and the database as they stand in an address, for people; never the user or a parameter."""
    found = _URL.fullmatch(dsn)
    if found is None:
        return ""
    parameters = _pairs(found["query"] or "")
    hosts = unquote(found["hosts"]) or parameters.get("host", "")
    named = f"service={parameters['service']}" if "service" in parameters and not hosts else ""
    return f"{hosts or named}/{unquote(found['dbname'] or '') or parameters.get('dbname', '')}"


def _of_url(dsn: str) -> dict[str, str]:
    found = _URL.fullmatch(dsn)
    if found is None:
        raise ParameterError("must be a postgresql:// address")
    user, _, secret = (found["who"] or "").partition(":")
    parts = {"user": user, "password": secret, "dbname": found["dbname"] or ""}
    given = {name: unquote(value) for name, value in parts.items() if value}
    return {**given, **_authority(found["hosts"]), **_pairs(found["query"] or "")}


def _authority(hosts: str) -> dict[str, str]:
    if not hosts:
        return {}
    found = [_HOST.fullmatch(each) for each in hosts.split(",")]
    if not all(found):
        raise ParameterError("the hosts of the address must be name or name:port, with commas between")
    known = [each for each in found if each is not None]
    ports = [each["port"] or "" for each in known]
    names = ",".join(unquote(each["v6"] or each["name"] or "") for each in known)
    return {"host": names, **({"port": ",".join(ports)} if any(ports) else {})}


def _pairs(query: str) -> dict[str, str]:
    pairs = [each.partition("=") for each in query.split("&") if each]
    return {ALIASES.get(unquote(name), unquote(name)): unquote(value) for name, _, value in pairs}


def _hosts(given: Mapping[str, str]) -> tuple[Host, ...]:
    names = given["host"].split(",") if given.get("host") else []
    addresses = given["hostaddr"].split(",") if given.get("hostaddr") else []
    if not names and not addresses:
        names = [*_FOLDERS, "localhost"]
        shared = (given.get("port") or str(PORT)).split(",")
        if len(shared) > 1:
            raise ParameterError("the parameter port has more ports than there are hosts")
        return tuple(Host(name, _port(shared[0])) for name in names)
    count = max(len(names), len(addresses))
    if names and addresses and len(names) != len(addresses):
        raise ParameterError("the parameter hostaddr must have one address for each host")
    ports = (given.get("port") or "").split(",")
    if len(ports) not in (1, count):
        raise ParameterError("the parameter port must have one port for all hosts, or one for each")
    ports = ports * count if len(ports) == 1 else ports
    names = names or addresses
    addresses = addresses or [""] * count
    return tuple(
        Host(name or address or "localhost", _port(port), address or None)
        for name, address, port in zip(names, addresses, ports, strict=True)
    )


def _port(text: str) -> int:
    port = int(text or PORT)
    if not 0 < port <= _HIGHEST_PORT:
        raise ParameterError("the parameter port must be a number from 1 to 65535")
    return port


def _session(given: Mapping[str, str]) -> dict[str, str]:
    """The settings of the session: those of `options`, and parameters that are none of libpq's."""
    found = {name: value for name, value in given.items() if name not in KNOWN}
    name = given.get("application_name") or given.get("fallback_application_name")
    return {**_options(given.get("options", "")), **found, **({"application_name": name} if name else {})}


def _options(text: str) -> dict[str, str]:
    try:
        words = shlex.split(_PLUS.sub(" ", text))
    except ValueError as error:
        raise ParameterError("the parameter options cannot be read: write -c name=value") from error
    joined = iter(words)
    found = {}
    for word in joined:
        option = _OPTION.fullmatch(word if word != "-c" else f"-c{next(joined, '')}")
        if option is None:
            raise ParameterError("the parameter options may hold -c name=value and --name=value only")
        found[option["name"].replace("-", "_")] = option["value"]
    return found
