"""Every parameter of libpq: honoured, accepted where it asks for what is done anyway, or refused by name.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS and, for the variables of the
environment, libpq-envars.html.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

ANY: Final = r"(?s:.*)"
_NUMBER: Final = r"-?\d{1,9}"
_SWITCH: Final = r"[01]"


class ParameterError(ValueError):
    """A parameter that cannot be honoured; the message names it, says what to do, and contains no value."""


class Parameter(NamedTuple):
    """One parameter.

    Attributes:
        name: as it is written in an address or a service file.
        variable: the environment's variable for it, or None.
        values: a pattern of the values that are honoured; None when there is none.
        advice: what to do about any other value.
    """

    name: str
    variable: str | None = None
    values: str | None = ANY
    advice: str = ""


_TLS_VERSION: Final = r"(?i:TLSv1(\.[0-3])?)"
_NO_GSS: Final = "Lingpai encrypts by TLS only: leave it out, and say sslmode=verify-full"
_NO_DRIVER: Final = "Lingpai's client of PostgreSQL cannot do this: leave it out"

PARAMETERS: Final = (
    Parameter("host", "PGHOST"),
    Parameter("hostaddr", "PGHOSTADDR", r"[0-9A-Fa-f:.%\w,]*", "give one address for each host"),
    Parameter("port", "PGPORT", r"(\d{1,5})?(,(\d{1,5})?)*", "give one port for all hosts, or one for each"),
    Parameter("dbname", "PGDATABASE"),
    Parameter("user", "PGUSER"),
    Parameter("password", "PGPASSWORD"),
    Parameter("passfile", "PGPASSFILE"),
    Parameter("service", "PGSERVICE"),
    Parameter("servicefile", "PGSERVICEFILE"),
    Parameter("connect_timeout", "PGCONNECT_TIMEOUT", _NUMBER, "give whole seconds for each host"),
    Parameter("client_encoding", "PGCLIENTENCODING", r"(?i:utf-?8|auto|unicode)?", "leave it out: it is UTF8"),
    Parameter("options", "PGOPTIONS"),
    Parameter("application_name", "PGAPPNAME"),
    Parameter("fallback_application_name"),
    Parameter("keepalives", None, _SWITCH, "give 0 or 1"),
    Parameter("keepalives_idle", None, _NUMBER, "give whole seconds"),
    Parameter("keepalives_interval", None, _NUMBER, "give whole seconds"),
    Parameter("keepalives_count", None, _NUMBER, "give a number"),
    Parameter("tcp_user_timeout", None, _NUMBER, "give whole milliseconds"),
    Parameter("load_balance_hosts", "PGLOADBALANCEHOSTS", "disable|random", "give disable or random"),
    Parameter(
        "target_session_attrs",
        "PGTARGETSESSIONATTRS",
        "any|primary|read-write",
        "Lingpai needs the host that takes writes: leave it out, or give read-write",
    ),
    Parameter(
        "sslmode",
        "PGSSLMODE",
        "disable|allow|prefer|require|verify-ca|verify-full",
        "give disable, allow, prefer, require, verify-ca or verify-full",
    ),
    Parameter("sslnegotiation", "PGSSLNEGOTIATION", "postgres|direct", "give postgres or direct"),
    Parameter("sslcert", "PGSSLCERT"),
    Parameter("sslkey", "PGSSLKEY"),
    Parameter("sslpassword"),
    Parameter("sslrootcert", "PGSSLROOTCERT"),
    Parameter("sslcrl", "PGSSLCRL"),
    Parameter("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", _TLS_VERSION, "give TLSv1.2 or TLSv1.3"),
    Parameter("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", _TLS_VERSION, "give TLSv1.2 or TLSv1.3"),
    Parameter("krbsrvname", "PGKRBSRVNAME"),
    Parameter("gsslib", "PGGSSLIB"),
    # What is done anyway may be asked for.
    Parameter("gssencmode", "PGGSSENCMODE", "disable|prefer", _NO_GSS),
    Parameter("gssdelegation", "PGGSSDELEGATION", "0", _NO_DRIVER),
    Parameter(
        "channel_binding",
        "PGCHANNELBINDING",
        "disable|prefer",
        "Lingpai's client of PostgreSQL binds no channel: leave it out, and say sslmode=verify-full, which proves the "
        "server as well",
    ),
    Parameter("sslcompression", "PGSSLCOMPRESSION", "0", "leave it out: TLS is not compressed"),
    Parameter("requiressl", "PGREQUIRESSL", "0", "say sslmode=require"),
    Parameter("sslsni", "PGSSLSNI", "1", _NO_DRIVER),
    Parameter("sslcertmode", "PGSSLCERTMODE", "allow", "leave it out, and name sslcert or do not"),
    Parameter("replication", None, r"(?i:false|off|no|0)", "leave it out"),
    Parameter("min_protocol_version", "PGMINPROTOCOLVERSION", r"3\.0|", "leave it out: Lingpai speaks 3.0"),
    Parameter("max_protocol_version", "PGMAXPROTOCOLVERSION", r"3\.\d|latest|", "leave it out"),
    # What would be a promise that is not kept.
    Parameter(
        "require_auth",
        "PGREQUIREAUTH",
        "",
        "Lingpai's client of PostgreSQL takes the method that the server asks for: leave it out, demand the method in "
        "the server's pg_hba.conf, and say sslmode=verify-full",
    ),
    Parameter("requirepeer", "PGREQUIREPEER", "", "leave it out, and keep the socket in a folder of the server's user"),
    Parameter("sslcrldir", "PGSSLCRLDIR", "", "name one file with sslcrl"),
    Parameter("sslkeylogfile", None, "", _NO_DRIVER),
    Parameter("scram_client_key", None, None, "give a password"),
    Parameter("scram_server_key", None, None, "give a password"),
    Parameter("oauth_issuer", None, None, _NO_DRIVER),
    Parameter("oauth_client_id", None, None, _NO_DRIVER),
    Parameter("oauth_client_secret", None, None, _NO_DRIVER),
    Parameter("oauth_scope", None, None, _NO_DRIVER),
)  # fmt: skip

KNOWN: Final[Mapping[str, Parameter]] = {each.name: each for each in PARAMETERS}
ALIASES: Final[Mapping[str, str]] = {"database": "dbname", "dbuser": "user"}
_SETTING: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")


def demand_values(given: Mapping[str, str], source: str = "") -> None:
    """Make sure that each parameter can be honoured.

    What is none of libpq's is a setting of the session, which the server judges.

    Args:
        given: values by name.
        source: where they are from, for the message.

    Raises:
        ParameterError: the first that cannot.
    """
    for name, value in given.items():
        known = KNOWN.get(name)
        if known is None:
            if not _SETTING.fullmatch(name):
                raise ParameterError(
                    f"{source}an address has name=value pairs behind the ?; one of them is none"
                )
        elif known.values is None or not re.fullmatch(known.values, value):
            raise ParameterError(f"{source}the parameter {name} cannot be honoured: {known.advice}")


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that the environment sets.

    Raises:
        ParameterError: one cannot be honoured.
    """
    given = {
        each.name: environ[each.variable]
        for each in PARAMETERS
        if each.variable and environ.get(each.variable)
    }
    for name, value in given.items():
        demand_values({name: value}, f"in the environment ({KNOWN[name].variable}), ")
    return given
