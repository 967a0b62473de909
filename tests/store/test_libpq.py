"""Addresses of PostgreSQL: each parameter of libpq is honoured, or refused in a line that names it."""

import logging
from pathlib import Path

import pytest

from lingpai.settings import SettingsError, load_settings
from lingpai.store.libpq import Host, ParameterError, read
from lingpai.store.libpq.conninfo import hosts_of
from lingpai.store.libpq.parameters import PARAMETERS

SECRET = "hunter2hunter2"
TWO = (Host("a", 5432), Host("b", 5432))


@pytest.mark.parametrize(
    ("dsn", "hosts"),
    [
        ("postgresql://a,b/db", TWO),
        ("postgres://u:p@a,b/db", TWO),
        ("postgresql://a:1,b:2/db", (Host("a", 1), Host("b", 2))),
        ("postgresql://a:1,b/db", (Host("a", 1), Host("b", 5432))),
        ("postgresql://a,b/db?port=7", (Host("a", 7), Host("b", 7))),
        ("postgresql:///db?host=a,b&port=7,8", (Host("a", 7), Host("b", 8))),
        ("postgresql://a,b/db?hostaddr=10.0.0.1,10.0.0.2", (Host("a", 5432, "10.0.0.1"), Host("b", 5432, "10.0.0.2"))),
        ("postgresql:///db?hostaddr=10.0.0.1", (Host("10.0.0.1", 5432, "10.0.0.1"),)),
        ("postgresql://[::1]:6,b/db", (Host("::1", 6), Host("b", 5432))),
        ("postgresql://%2Frun%2Fpg/db", (Host("/run/pg", 5432),)),
        ("postgresql:///db?host=/run/pg,b&port=,9", (Host("/run/pg", 5432), Host("b", 9))),
    ],
)  # fmt: skip
def test_hosts(dsn: str, hosts: tuple[Host, ...]) -> None:
    assert read(dsn, {"PGUSER": "u"}).hosts == hosts


def test_a_host_that_nobody_names_is_a_socket_or_this_machine() -> None:
    found = read("postgresql:///db?port=7", {"PGUSER": "u"}).hosts
    assert found[0].is_local
    assert found[-1] == Host("localhost", 7)


@pytest.mark.parametrize(
    ("dsn", "environ", "wanted"),
    [
        ("postgresql://me@a/db", {}, ("me", "db")),
        ("postgresql://me@a", {}, ("me", "me")),
        ("postgresql://a", {"PGUSER": "me", "PGDATABASE": "db"}, ("me", "db")),
        ("postgresql://you@a/db", {"PGUSER": "me"}, ("you", "db")),
        ("postgresql://a/?user=me&dbname=db", {}, ("me", "db")),
        ("postgresql://a/?user=me&database=db", {}, ("me", "db")),
        ("postgresql://m%40e@a/d%2Fb", {}, ("m@e", "d/b")),
    ],
)
def test_who_connects_to_what(dsn: str, environ: dict[str, str], wanted: tuple[str, str]) -> None:
    info = read(dsn, environ)
    assert (info.user, info.database) == wanted


@pytest.mark.parametrize(
    ("query", "session"),
    [
        ("", {}),
        ("?application_name=a", {"application_name": "a"}),
        ("?fallback_application_name=f", {"application_name": "f"}),
        ("?fallback_application_name=f&application_name=a", {"application_name": "a"}),
        ("?options=-c%20search_path%3Da,b", {"search_path": "a,b"}),
        ("?options=-c+search_path%3Da+-c+work_mem%3D4MB", {"search_path": "a", "work_mem": "4MB"}),
        ("?options=-csearch_path%3Da%20--work-mem%3D4MB", {"search_path": "a", "work_mem": "4MB"}),
        (r"?options=-c%20a.b%3Dx%5C%20y", {"a.b": "x y"}),
        ("?search_path=s&synchronous_commit=remote_apply", {"search_path": "s", "synchronous_commit": "remote_apply"}),
    ],
)  # fmt: skip
def test_settings_of_the_session(query: str, session: dict[str, str]) -> None:
    assert read(f"postgresql://u@a/db{query}", {}).session == session


HONOURED = (
    *(
        "connect_timeout=3",
        "keepalives=0",
        "keepalives_idle=9",
        "keepalives_interval=9",
        "keepalives_count=9",
    ),
    *(
        "tcp_user_timeout=900",
        "load_balance_hosts=random",
        "target_session_attrs=read-write",
        "sslmode=verify-full",
    ),
    *(
        "target_session_attrs=any",
        "target_session_attrs=primary",
        "sslrootcert=system",
        "sslnegotiation=direct",
    ),
    *("gssencmode=disable", "gssencmode=prefer", "channel_binding=prefer", "channel_binding=disable"),
    *(
        "client_encoding=utf8",
        "client_encoding=UTF-8",
        "requiressl=0",
        "sslsni=1",
        "sslcompression=0",
        "require_auth=",
    ),
    *("ssl_min_protocol_version=TLSv1.3", "max_protocol_version=latest", "krbsrvname=pg", "gsslib=gssapi"),
    *("passfile=/x", "sslcert=/x", "sslkey=/x", "sslcrl=/x", "replication=false", "gssdelegation=0"),
)
REFUSED = (
    *("connect_timeout=soon", "keepalives=yes", "keepalives_idle=x", "tcp_user_timeout=1s", "load_balance_hosts=yes"),
    *("target_session_attrs=read-only", "target_session_attrs=standby", "target_session_attrs=prefer-standby"),
    *("gssencmode=require", "channel_binding=require", "require_auth=scram-sha-256", "require_auth=!password"),
    *("requirepeer=postgres", "sslmode=verify", "sslcrldir=/x", "sslkeylogfile=/x", "requiressl=1", "sslsni=0"),
    *("client_encoding=latin1", "replication=database", "sslcertmode=require", "sslcompression=1", "hostaddr=a-name"),
    *("port=x", "port=99999", "port=0", "ssl_min_protocol_version=3", "scram_client_key=x", "oauth_issuer=x"),
    *("options=-d", "options=-c", "options=%22", "gssdelegation=1", "hostaddr=10.0.0.1,10.0.0.2", "port=1,2"),
    *("min_protocol_version=4", "sslnegotiation=no", "service=nowhere"),
)  # fmt: skip


def test_each_parameter_of_libpq_is_in_the_table() -> None:
    """All of libpq-connect.html, 34.1.2, of PostgreSQL 18."""
    names = {each.name for each in PARAMETERS}
    assert {
        *("host", "hostaddr", "port", "dbname", "user", "password", "passfile", "require_auth", "channel_binding"),
        *("connect_timeout", "client_encoding", "options", "application_name", "fallback_application_name"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
        *("replication", "gssencmode", "sslmode", "requiressl", "sslnegotiation", "sslcompression", "sslcert"),
        "sslkey",
        *("sslkeylogfile", "sslpassword", "sslcertmode", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "requirepeer"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "min_protocol_version", "max_protocol_version"),
        *("krbsrvname", "gsslib", "gssdelegation", "scram_client_key", "scram_server_key", "service", "servicefile"),
        *("target_session_attrs", "load_balance_hosts", "oauth_issuer", "oauth_client_id", "oauth_client_secret"),
        "oauth_scope",
    } == names  # fmt: skip


@pytest.mark.parametrize("pair", HONOURED)
def test_what_is_honoured(pair: str) -> None:
    name, _, value = pair.partition("=")
    assert read(f"postgresql://u@a/db?{pair}", {}).given[name] == value


@pytest.mark.parametrize("pair", REFUSED)
def test_what_is_refused_is_named_in_one_line(pair: str, tmp_path: Path) -> None:
    name = pair.partition("=")[0]
    with pytest.raises(ParameterError) as raised:
        read(f"postgresql://u:{SECRET}@a/db?{pair}", {"HOME": str(tmp_path)})
    said = str(raised.value)
    assert f"the parameter {name} " in said
    assert "\n" not in said
    assert SECRET not in said


@pytest.mark.parametrize("each", [each for each in PARAMETERS if each.values not in (None, r"(?s:.*)")])
def test_the_environment_is_judged_as_the_address_is(each: object) -> None:
    variable, name = getattr(each, "variable", None), getattr(each, "name", "")
    if variable is None:
        pytest.skip("libpq has no variable for it")
    with pytest.raises(ParameterError, match=rf"environment \({variable}\), the parameter {name} "):
        read("postgresql://u@a/db", {variable: "no-such-value!"})


def test_the_settings_refuse_it_with_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="the parameter require_auth cannot be honoured") as raised:
        load_settings(data=tmp_path, store=f"postgresql://u:{SECRET}@a/db?require_auth=md5")
    assert SECRET not in str(raised.value)


SERVICES = f"""
# by name
[prod]
host=a,b
port=7
user=me
password={SECRET}
dbname=db
connect_timeout=2
application_name=of the service

[bad]
host=a
require_auth=md5
"""


@pytest.fixture
def services(tmp_path: Path) -> Path:
    file = tmp_path / ".pg_service.conf"
    file.write_text(SERVICES, "utf-8")
    return file


@pytest.mark.parametrize("way", ["HOME", "PGSERVICEFILE", "PGSYSCONFDIR", "servicefile", "PGSERVICE"])
def test_a_service_is_found_where_libpq_finds_it(services: Path, way: str, tmp_path: Path) -> None:
    dsn, environ = "postgresql:///?service=prod", {"HOME": str(tmp_path / "none")}
    if way == "PGSYSCONFDIR":
        services.rename(tmp_path / "pg_service.conf")
    if way == "servicefile":
        dsn += f"&servicefile={services}"
    if way == "PGSERVICE":
        dsn, environ = "postgresql:///", {"HOME": str(tmp_path), "PGSERVICE": "prod"}
    environ |= {"HOME": {"HOME": str(tmp_path)}, "PGSERVICEFILE": {"PGSERVICEFILE": str(services)}}.get(
        way, {}
    )
    environ |= {"PGSYSCONFDIR": str(tmp_path)} if way == "PGSYSCONFDIR" else {}
    info = read(dsn, environ)
    assert info.hosts == (Host("a", 7), Host("b", 7))
    assert (info.user, info.database, info.number("connect_timeout")) == ("me", "db", 2)
    assert info.password(info.hosts[0]) == SECRET
    assert info.session == {"application_name": "of the service"}


def test_the_address_comes_before_its_service_and_that_before_the_environment(
    services: Path, tmp_path: Path
) -> None:
    environ = {"HOME": str(tmp_path), "PGPORT": "1", "PGUSER": "nobody", "PGSSLMODE": "require"}
    info = read("postgresql://you@/?service=prod&connect_timeout=9", environ)
    assert (info.user, info.hosts[0].port, info.given["sslmode"], info.number("connect_timeout")) == (
        *("you", 7, "require", 9),
    )


def test_what_a_service_asks_for_is_judged_too(services: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"in the service bad of .*, the parameter require_auth "):
        read("postgresql:///?service=bad", {"HOME": str(tmp_path)})


def test_a_service_file_that_cannot_be_read_is_named(services: Path, tmp_path: Path) -> None:
    services.write_text("no section", "utf-8")
    with pytest.raises(ParameterError, match=r"pg_service.conf cannot be read"):
        read("postgresql:///?service=prod", {"HOME": str(tmp_path)})


PASSWORDS = r"""
# host:port:database:user:password
a:5432:db:me:first
b:*:*:me:with\:colon\\
localhost:*:*:*:of a socket
*:*:db:other:last
"""


@pytest.mark.parametrize(
    ("dsn", "password"),
    [
        ("postgresql://me@a/db", "first"),
        ("postgresql://me@a:7/db", None),
        ("postgresql://me@b:7/any", "with:colon\\"),
        ("postgresql://me@/db?host=/run/pg", "of a socket"),
        ("postgresql://other@c/db", "last"),
        ("postgresql://me@a/db?hostaddr=10.0.0.1", "first"),  # the name counts
        ("postgresql://me:given@a/db", "given"),
    ],
)
def test_passwords_of_a_file(dsn: str, password: str | None, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    file = tmp_path / ".pgpass"
    file.write_text(PASSWORDS, "utf-8")
    file.chmod(0o600)
    info = read(dsn, environ)
    assert info.password(info.hosts[0], environ) == password


def test_a_password_file_that_others_can_read_is_passed_over_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "passwords"
    file.write_text(PASSWORDS, "utf-8")
    file.chmod(0o644)
    info = read(f"postgresql://me@a/db?passfile={file}", {})
    with caplog.at_level(logging.WARNING):
        assert info.password(info.hosts[0], {}) is None
    assert "chmod 600" in caplog.text


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        (f"postgresql://u:{SECRET}@a:1,b/db?sslpassword={SECRET}", "a:1,b/db"),
        (f"postgresql:///?service=prod&password={SECRET}", "service=prod/"),
        (f"postgresql://u:{SECRET}@/?host=/run/pg&dbname=db", "/run/pg/db"),
    ],
)
def test_what_is_shown_of_an_address(dsn: str, shown: str) -> None:
    assert hosts_of(dsn) == shown
    assert SECRET not in repr(read(dsn.replace("service=prod&", ""), {}))
