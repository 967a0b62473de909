"""Encryption of a connection, and the certificate that it demands (libpq-ssl.html)."""

import os
import ssl
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from lingpai.store.libpq import Conninfo, Host, ParameterError

_VERIFIED: Final = ("require", "verify-ca", "verify-full")
_FOLDER: Final = ".postgresql"
_SYSTEM: Final = "system"
_VERSIONS: Final = {
    "TLSV1": ssl.TLSVersion.TLSv1,
    "TLSV1.0": ssl.TLSVersion.TLSv1,
    "TLSV1.1": ssl.TLSVersion.TLSv1_1,
    "TLSV1.2": ssl.TLSVersion.TLSv1_2,
    "TLSV1.3": ssl.TLSVersion.TLSv1_3,
}


class NamedContext(ssl.SSLContext):
    """Demands the certificate of a name, whichever address the connection was made to."""

    peer = ""

    @override
    def wrap_bio(
        self, incoming: Any, outgoing: Any, server_side: bool = False, *_rest: Any, **_more: Any
    ) -> Any:
        """The name of the caller is not heeded."""
        return super().wrap_bio(incoming, outgoing, server_side=server_side, server_hostname=self.peer)


def tls_of(info: Conninfo, host: Host) -> str | bool | ssl.SSLContext:
    """Return asyncpg's `ssl` for a host: none for a socket of this host, else by `sslmode`.

    Raises:
        ParameterError: a file cannot be used.
    """
    given = info.given
    mode = given.get("sslmode") or ("verify-full" if given.get("sslrootcert") == _SYSTEM else "prefer")
    if host.is_local or mode == "disable":
        return False
    if mode not in _VERIFIED:
        return mode  # tries both ways, which only asyncpg can, and verifies nothing
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.peer = host.name
    context.check_hostname = mode == "verify-full"
    _trust(context, info, mode)
    _identify(context, info)
    try:
        context.minimum_version = _version(given.get("ssl_min_protocol_version") or "TLSv1.2")
        if given.get("ssl_max_protocol_version"):
            context.maximum_version = _version(given["ssl_max_protocol_version"])
    except ValueError as error:
        raise ParameterError(
            "the parameter ssl_min_protocol_version cannot be honoured: give TLSv1.2"
        ) from error
    context.set_alpn_protocols(["postgresql"])
    return context


def _version(text: str) -> ssl.TLSVersion:
    return _VERSIONS[text.upper()]


def _trust(context: ssl.SSLContext, info: Conninfo, mode: str) -> None:
    root = info.given.get("sslrootcert")
    if root == _SYSTEM:
        context.load_default_certs()
    else:
        path = Path(root) if root else _own("root.crt")
        if not root and not path.exists():
            if mode != "require":
                raise ParameterError(
                    f"the parameter sslrootcert is missing, and there is no {path}: name the file with the "
                    "authority's certificate, or sslrootcert=system"
                )
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return
        _load("sslrootcert", path, lambda: context.load_verify_locations(cafile=path))
    crl = info.given.get("sslcrl")
    listed = Path(crl) if crl else _own("root.crl")
    if crl or listed.exists():
        _load("sslcrl", listed, lambda: context.load_verify_locations(cafile=listed))
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def _identify(context: ssl.SSLContext, info: Conninfo) -> None:
    given = info.given
    named = given.get("sslcert")
    certificate = Path(named) if named else _own("postgresql.crt")
    if not named and not certificate.exists():
        return
    own = _own("postgresql.key")
    key = given.get("sslkey") or (str(own) if own.exists() else None)
    secret = given.get("sslpassword") or ""
    _load("sslcert", certificate, lambda: context.load_cert_chain(certificate, key, lambda: secret))


def _own(name: str) -> Path:
    return Path(os.path.expanduser("~")) / _FOLDER / name  # noqa: PTH111  never raises


def _load(parameter: str, file: Path, load: Any) -> None:
    try:
        load()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        problem = (
            error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
        )
        raise ParameterError(
            f"the parameter {parameter} cannot be honoured: {file} cannot be used "
            f"({problem or type(error).__name__}); correct the path or the file"
        ) from error


def driver_parameters(info: Conninfo) -> dict[str, str]:
    """The parameters that asyncpg reads itself where it tries both ways."""
    return {name: info.given[name] for name in ("sslcert", "sslkey", "sslpassword") if info.given.get(name)}
