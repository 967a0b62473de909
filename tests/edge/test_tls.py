"""TLS of the service itself: answers over it, a certificate that is replaced while it serves, and bad files."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from lingpai.edge.listening import bind
from lingpai.edge.server import Listener, ServerOptions, Serving
from lingpai.edge.tls import Certificate, CertificateFiles
from tests.edge.running_edge import app_of, request
from tests.helpers.certificates import make_certificate

CALL = request("GET", "/call", headers=[("connection", "close")])


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    made = CertificateFiles(tmp_path / "tls.pem", tmp_path / "tls.key")
    make_certificate(*made)
    return made


@contextlib.asynccontextmanager
async def serving(certificate: Certificate) -> AsyncIterator[int]:
    """Serve with TLS; yields the port."""
    bound = bind("127.0.0.1", 0)
    port: int = bound.getsockname()[1]
    server = Serving([Listener(app_of(), [bound])], ServerOptions(grace=1, certificate=certificate))
    up = asyncio.Event()
    task = asyncio.create_task(server.run(up.set))
    await up.wait()
    try:
        yield port
    finally:
        server.stop()
        await task


async def ask(port: int, trusted: Path, sent: bytes) -> tuple[bytes, bytes]:
    """Return all that is answered, and the certificate of the server as DER."""
    context = ssl.create_default_context(cafile=str(trusted))
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    writer.write(sent)
    try:
        answer = await reader.read()
        return answer, writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()


async def test_requests_are_answered_over_tls(files: CertificateFiles) -> None:
    async with serving(Certificate(files)) as port:
        answer, _ = await ask(port, files.certificate, CALL)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"peer":"127.0.0.1"' in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n" + b"x" * 100_000,
        b"POST /call HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 100_000,
        b"NONSENSE\r\n\r\n",
    ],
)
async def test_a_refusal_is_said_and_the_connection_ends(files: CertificateFiles, sent: bytes) -> None:
    async with serving(Certificate(files)) as port:
        answer, _ = await ask(port, files.certificate, sent)
        assert answer.startswith(b"HTTP/1.1 4")


async def test_plain_http_and_silence_delay_nobody(files: CertificateFiles) -> None:
    async with serving(Certificate(files)) as port:
        silent = await asyncio.open_connection("127.0.0.1", port)
        plain = await asyncio.open_connection("127.0.0.1", port)
        plain[1].write(request("GET", "/call"))
        assert not (await plain[0].read()).startswith(b"HTTP")
        answer, _ = await ask(port, files.certificate, CALL)
        assert answer.startswith(b"HTTP/1.1 200")
        for _, writer in (silent, plain):
            writer.close()


async def test_a_new_certificate_serves_new_connections(files: CertificateFiles) -> None:
    certificate = Certificate(files)
    async with serving(certificate) as port:
        _, first = await ask(port, files.certificate, CALL)
        assert not certificate.reload()
        make_certificate(*files)
        assert certificate.reload()
        answer, second = await ask(port, files.certificate, CALL)
        assert answer.startswith(b"HTTP/1.1 200")
        assert first != second


async def test_the_server_itself_looks_for_a_new_certificate(files: CertificateFiles) -> None:
    async with serving(Certificate(files)) as port:
        old = files.certificate.with_suffix(".old")
        os.link(files.certificate, old)
        files.certificate.unlink()
        make_certificate(*files)
        async with asyncio.timeout(30):
            while True:
                try:
                    await ask(port, files.certificate, CALL)
                except ssl.SSLCertVerificationError:
                    await asyncio.sleep(0.05)
                else:
                    break


@pytest.mark.parametrize("broken", ["key of another", "half written", "absent"])
async def test_a_replacement_that_cannot_be_used_changes_nothing(
    files: CertificateFiles, broken: str
) -> None:
    certificate = Certificate(files)
    trusted = files.certificate.with_suffix(".first")
    trusted.write_bytes(files.certificate.read_bytes())
    async with serving(certificate) as port:
        if broken == "key of another":
            make_certificate(files.certificate, files.key.with_suffix(".unused"))
        elif broken == "half written":
            files.certificate.write_bytes(files.certificate.read_bytes()[:100])
        else:
            files.certificate.unlink()
        assert not certificate.reload()
        answer, _ = await ask(port, trusted, CALL)
        assert answer.startswith(b"HTTP/1.1 200")
        make_certificate(*files)
        assert certificate.reload()


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        ("certificate", "must be a PEM file"),
        ("key", "must be a PEM file"),
        ("mismatch", "not the key of"),
        ("encrypted", "is encrypted"),
    ],
)
def test_files_that_cannot_be_used_are_named(files: CertificateFiles, spoil: str, problem: str) -> None:
    if spoil == "certificate":
        files.certificate.write_text("-----BEGIN NONSENSE-----")
    elif spoil == "key":
        files.key.write_bytes(b"\xff\x00")
    elif spoil == "mismatch":
        make_certificate(files.certificate.with_suffix(".other"), files.key)
    else:
        key = serialization.load_pem_private_key(files.key.read_bytes(), None)
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"x"),
            )
        )
    with pytest.raises(OSError, match=problem) as failed:
        Certificate(files)
    assert failed.value.filename == str(files.certificate)


@pytest.mark.parametrize("absent", ["certificate", "key"])
def test_a_file_that_is_absent_is_named(files: CertificateFiles, absent: str) -> None:
    path: Path = getattr(files, absent)
    path.unlink()
    with pytest.raises(FileNotFoundError) as failed:
        Certificate(files)
    assert str(failed.value.filename) == str(path)
