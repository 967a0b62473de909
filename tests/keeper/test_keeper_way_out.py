"""The way out of each platform: its proxy, its certificate authorities, the address it is called from, its timeout."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lingpai.http_client.pool import HttpRequest
from lingpai.keeper.platforms.way_out import WayOut
from lingpai.keeper.proxies import proxy_for
from lingpai.keeper.upstream import Unreachable, Upstream
from lingpai.sandbox import SAMPLE_APP
from lingpai.settings import SettingsError, load_settings
from tests.helpers.certificates import make_certificate
from tests.helpers.proxy import proxying
from tests.keeper.harness import STABLE, staged

HOST = "api.example"
LOGIN = "user:hunter2"
ANSWER = b'{"access_token":"t","expires_in":7200}'
HTTP = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for variable in (name, name.upper()):
            monkeypatch.delenv(variable, raising=False)


class Platform(NamedTuple):
    """A platform that nobody's DNS knows, once with TLS and once without."""

    tls: int
    plain: int
    certificate: Path
    peers: list[str]

    @property
    def names(self) -> dict[tuple[str, int], tuple[str, int]]:
        return {(HOST, 443): ("127.0.0.1", self.tls), (HOST, 80): ("127.0.0.1", self.plain)}


def serving_context(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """TLS with a certificate for this name and 127.0.0.1, and the file of the authority that signed it: itself."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    make_certificate(certificate, key, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    peers: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HTTP)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()

    context, certificate = serving_context(tmp_path, HOST)
    servers = [await asyncio.start_server(answer, "127.0.0.1", 0, ssl=each) for each in (context, None)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    async with servers[0], servers[1]:
        yield Platform(ports[0], ports[1], certificate, peers)


@pytest.mark.parametrize("coding", ["", "br", "zstd", "compress"])
async def test_by_a_proxy_an_early_head_ends_no_upload_and_unknown_codings_are_refused(coding: str) -> None:
    headed, got = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await headed.wait()
        yield b"second"
        yield b"third"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"first")
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: 2\r\n\r\n" % coding.encode()
            )
            await reader.readuntil(b"third")
            got.set()
            writer.write(b"ok")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    client = Upstream(5)
    async with server, proxying({(HOST, 80): server.sockets[0].getsockname()}) as proxy:
        way = WayOut("wechat", proxy=f"http://127.0.0.1:{proxy.port}")
        request = HttpRequest("POST", f"http://{HOST}/upload", (), pieces())
        try:
            if coding:
                with pytest.raises(Unreachable, match=r"compressed|ClientResponseError"):
                    await client.send(request, stall=5, total=10, way=way)
                return
            response = await client.send(request, stall=5, total=10, way=way)
            headed.set()
            assert await response.read(5) == b"ok"
            assert got.is_set()
        finally:
            await client.close()


async def ask(url: str, **way: Any) -> dict[str, Any]:
    client = Upstream(5)
    try:
        return await client.call("GET", url, query={"secret": "s3"}, way=WayOut("wechat", **way))
    finally:
        await client.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", ["http", "https", "socks5", "socks5h"])
async def test_calls_go_by_the_proxy_of_the_platform(
    tmp_path: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch, kind: str, scheme: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")  # where nobody listens
    context, own = serving_context(tmp_path, "proxy")
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(platform.certificate.read_text() + own.read_text())
    async with proxying(platform.names, certificate=context if kind == "https" else None) as proxy:
        address = f"{kind}://127.0.0.1:{proxy.port}"
        answer = await ask(f"{scheme}://{HOST}/token", proxy=address, ca_bundle=str(bundle))
    assert answer["access_token"] == "t"
    asked = {
        ("http", "http"): f"GET http://{HOST}/token?secret=s3",
        ("https", "http"): f"GET http://{HOST}/token?secret=s3",
        ("http", "https"): f"CONNECT {HOST}:443",
        ("https", "https"): f"CONNECT {HOST}:443",
    }.get((kind, scheme), f"SOCKS {HOST}:{443 if scheme == 'https' else 80}")
    assert proxy.asked == [asked]


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_a_proxy_that_wants_a_name_and_a_password(platform: Platform, kind: str) -> None:
    async with proxying(platform.names, login=LOGIN) as proxy:
        url = f"http://{HOST}/"
        right = await ask(url, proxy=f"{kind}://{LOGIN}@127.0.0.1:{proxy.port}")
        assert right["access_token"] == "t"
        for wrong in ("user:wrong-hunter@", ""):
            with pytest.raises(Unreachable, match=r"proxy|407") as refused:
                await ask(url, proxy=f"{kind}://{wrong}127.0.0.1:{proxy.port}")
            assert "hunter" not in str(refused.value)
    with pytest.raises(Unreachable, match="the proxy cannot be reached"):
        await ask(url, proxy=f"{kind}://{LOGIN}@127.0.0.1:{proxy.port}")


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_what_is_behind_the_proxy_is_named_as_the_cause(platform: Platform, kind: str) -> None:
    async with proxying({(HOST, 443): ("127.0.0.1", platform.tls)}) as proxy:
        address = f"{kind}://127.0.0.1:{proxy.port}"
        with pytest.raises(Unreachable, match=r"certificate is not trusted: .*self.signed.*ca_bundle"):
            await ask(f"https://{HOST}/", proxy=address)
        with pytest.raises(Unreachable, match=r"the proxy (refused|answered 502)"):
            await ask("https://127.0.0.1:1/", proxy=address)


def test_direct_is_stronger_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://elsewhere:1")
    assert proxy_for("https://api.example/", WayOut("wechat", proxy="direct")) is None
    named = proxy_for("https://api.example/", WayOut("wechat", proxy="http://user:pw@here:2"))
    assert named is not None
    assert (named.shown, named.variable) == ("http://here:2", "wechat.proxy")
    from_environment = proxy_for("https://api.example/", WayOut("wechat"))
    assert from_environment is not None
    assert from_environment.variable == "ALL_PROXY"


async def test_a_bundle_is_trusted_in_the_place_of_all_others(tmp_path: Path, platform: Platform) -> None:
    here = f"https://127.0.0.1:{platform.tls}/"
    _, other = serving_context(tmp_path, "other")
    for bundle in ("", str(other)):
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            await ask(here, ca_bundle=bundle)
    assert (await ask(here, ca_bundle=str(platform.certificate)))["access_token"] == "t"
    with pytest.raises(Unreachable, match=r"certificate is not trusted: .*[Hh]ostname mismatch"):
        await ask(f"https://localhost:{platform.tls}/", ca_bundle=str(platform.certificate))


async def test_calls_come_from_the_address_that_is_set(platform: Platform) -> None:
    await ask(f"http://127.0.0.1:{platform.plain}/", source_address="127.0.0.2")
    assert platform.peers == ["127.0.0.2"]
    for kind in ("http", "socks5"):
        async with proxying(platform.names) as proxy:
            address = f"{kind}://127.0.0.1:{proxy.port}"
            await ask(f"http://{HOST}/", proxy=address, source_address="127.0.0.3")
            assert proxy.peers == ["127.0.0.3"]
    with pytest.raises(Unreachable, match="connection failed"):
        await ask(f"http://127.0.0.1:{platform.plain}/", source_address="192.0.2.1")


async def test_a_platform_has_a_timeout_of_its_own() -> None:
    over = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    try:
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
            await ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", timeout=0.2)
    finally:
        over.set()
        await ended.wait()
        server.close()


async def test_tokens_probes_and_forwarded_calls_go_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxying() as proxy:
        monkeypatch.setenv("LINGPAI_WECHAT__PROXY", f"socks5://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("LINGPAI_WECHAT__SOURCE_ADDRESS", "127.0.0.4")
        monkeypatch.setenv("LINGPAI_WECOM__PROXY", "http://127.0.0.1:1")
        async with staged(tmp_path) as harness:
            await harness.add_app()
            key = await harness.add_caller("forwarder", rights=("forward",))
            path = f"/v1/forward/wechat/{SAMPLE_APP.appid}/cgi-bin/user/get"
            assert (await harness.get(path, bearer=key)).json["total"] == 0
            assert await harness.upstream.calls(STABLE) == 1
            await harness.add_corp()
            refused = await harness.get("/cgi-bin/gettoken", corpid="ww0123456789abcdef", corpsecret="x" * 43)
            assert refused.json["errcode"] == -1
            assert "proxy" in refused.json["errmsg"]
    port = harness.upstream.url.rpartition(":")[2]
    assert set(proxy.asked) == {f"SOCKS 127.0.0.1:{port}"}
    assert set(proxy.peers) == {"127.0.0.4"}
    assert len(proxy.asked) == 2  # fetches have connections of their own


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("proxy", "ftp://user:hunter2@proxy", "wechat.proxy: must be the address of a proxy"),
        ("proxy", "proxy:3128", "wechat.proxy: must be the address of a proxy"),
        ("proxy", "http://proxy:99999", "wechat.proxy: must be the address of a proxy"),
        ("proxy", "socks4://proxy", "wechat.proxy: must be the address of a proxy"),
        ("ca_bundle", "nowhere.pem", "wechat.ca_bundle: nowhere.pem: No such file"),
        ("source_address", "eth0", "wechat.source_address: "),
        ("timeout", 0, "wechat.timeout: "),
        ("timeout", 20, "keeper.lease must be longer than wechat.timeout"),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(tmp_path: Path, field: str, value: Any, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(data=tmp_path, wechat={field: value})
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.pem"
    file.write_text("nothing\n")
    with pytest.raises(SettingsError, match="is not a file of certificates in PEM"):
        load_settings(data=tmp_path, wechat={"ca_bundle": file})


def test_socks_without_its_extra_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "python_socks" else name)
    with pytest.raises(SettingsError, match=r"pip install lingpai\[socks\]"):
        load_settings(data=tmp_path, wechat={"proxy": "socks5://proxy:1080"})


def test_every_platform_has_these_settings_and_none_shows_the_password(tmp_path: Path) -> None:
    settings = load_settings(
        data=tmp_path,
        yilianyun={"base_url": "http://127.0.0.1:1", "proxy": f"socks5://{LOGIN}@proxy:1080", "timeout": 3},
    )
    way = settings.yilianyun.way_out("yilianyun")  # type: ignore[attr-defined]
    assert (way.proxy, way.timeout) == (f"socks5://{LOGIN}@proxy:1080", 3)
    assert "hunter2" not in repr(settings)
    assert settings.longest_call == 8
