"""TLS of the service itself: a certificate and its key from files, read again when they change."""

import errno
import ssl
from pathlib import Path
from typing import Final, NamedTuple

from lingpai.core.logs import structlog
from lingpai.edge.logs import allow

HANDSHAKE_SECONDS: Final = 10.0
"""For the handshake of one connection: until it is over, the connection counts for no limit."""
allow("certificate")
log = structlog.get_logger("lingpai.edge")

_UNUSABLE: Final = "tls.certificate and tls.key cannot be used: each must be a PEM file"
_REASONS: Final = {
    "KEY_VALUES_MISMATCH": "tls.key is not the key of tls.certificate",
    "encrypted": "tls.key is encrypted: write it without its passphrase (`openssl pkey -in KEY -out PLAIN`)",
}
"""The problem, by OpenSSL's reason."""

_Stamp = tuple[tuple[int, int, int], ...]


class CertificateFiles(NamedTuple):
    """The files of a certificate, as PEM.

    Attributes:
        certificate: the server's certificate, followed by those that signed it.
        key: its private key, not encrypted.
    """

    certificate: Path
    key: Path


class Certificate:
    """The certificate in use.

    Args:
        files: where it is.

    Attributes:
        context: for the listening sockets; a certificate that is read again serves new connections.

    Raises:
        OSError: a file cannot be read, the key is not the certificate's, or either is no PEM; it names the file.
    """

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._read = self._stamp()
        self.context = _context(files)

    def reload(self) -> bool:
        """Read the files if they changed; return whether a new certificate is in use.

        Files that do not fit together, such as in the midst of a replacement, change nothing: they are read again when
        they change once more.
        """
        stamp = self._stamp()
        if stamp == self._read:
            return False
        self._read = stamp
        try:
            _context(self._files)  # in the context that is in use, a failure would leave half of it
            self.context.load_cert_chain(*self._files, password=_no_passphrase)
        except OSError as error:
            log.error("certificate_unusable", certificate=error.filename, detail=error.strerror)  # noqa: TRY400
            return False
        log.info("certificate_read", certificate=str(self._files.certificate))
        return True

    def _stamp(self) -> _Stamp:
        """Return what changes with the files: also when a link of theirs points elsewhere."""
        found = []
        for file in self._files:
            try:
                state = file.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((state.st_ino, state.st_mtime_ns, state.st_size))
        return tuple(found)


def _context(files: CertificateFiles) -> ssl.SSLContext:
    for file in files:
        file.open("rb").close()  # names the file when it cannot be read, which the next step does not
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a callback, OpenSSL would ask the terminal for the passphrase of an encrypted key.
        context.load_cert_chain(*files, password=_no_passphrase)
    except (ssl.SSLError, ValueError) as error:
        raise OSError(errno.EINVAL, _REASONS.get(_code(error), _UNUSABLE), str(files.certificate)) from error
    return context


def _no_passphrase() -> str:
    raise ValueError("encrypted")


def _code(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)
