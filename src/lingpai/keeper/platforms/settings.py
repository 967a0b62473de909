"""The settings that every platform has; a platform's file may add its own."""

import importlib.util
import ipaddress
import ssl
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from lingpai.core.setting_types import Section, base_url
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.platforms.way_out import DIRECT, PROXY_SCHEMES, SOCKS, WayOut


def _platform_url(text: str) -> str:
    from lingpai.keeper.platforms.registry import platform_types  # noqa: PLC0415  which imports the platforms' settings

    url = base_url(text)
    for each in platform_types().values():
        if not each.described:  # whose paths are checked with their own settings
            _demand_before(url, _first_segments(each.sample()))
    return url


def _demand_before(url: str, segments: Iterable[str]) -> None:
    for path in segments:
        if f"{path}/" in f"{urlsplit(url).path}/":
            raise ValueError(f"must be what comes before {path}, such as https://api.weixin.qq.com")


def own_url(segments: frozenset[str]) -> Any:
    """Return the type of the address of a platform whose paths begin with these segments."""

    def check(text: str) -> str:
        url = base_url(text)
        _demand_before(url, segments)
        return url

    return Annotated[str, AfterValidator(check)]


def _first_segments(platform: Platform) -> Iterator[str]:
    """Return what the keeper appends to a platform's address itself, such as `/cgi-bin`."""
    for path in platform.paths:
        yield "/" + path.split("/", 2)[1]


def _proxy(given: SecretStr) -> SecretStr:
    url = given.get_secret_value()  # which may have a password in it
    if url in ("", DIRECT):
        return given
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(_PROXY) from None
    if parts.scheme not in PROXY_SCHEMES or not parts.hostname or parts.path not in ("", "/") or port == 0:
        raise ValueError(_PROXY)
    if parts.scheme in SOCKS and importlib.util.find_spec("python_socks") is None:
        raise ValueError("a SOCKS proxy needs `pip install lingpai[socks]`")
    return given


_PROXY = (
    f"must be the address of a proxy ({', '.join(PROXY_SCHEMES)}), such as http://proxy:3128, or {DIRECT}"
)


def _authorities(file: Path) -> Path:
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:  # also of a file that has no certificate in it
        why = "is not a file of certificates in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"{file}: {why}") from error
    return file


def _address(text: str) -> str:
    if text:
        ipaddress.ip_address(text)
    return text


PlatformUrl = Annotated[str, AfterValidator(_platform_url)]


class PlatformSettings(Section):
    """The settings of one platform."""

    base_url: PlatformUrl | None = None
    """Where the platform is; needed once an account of it is configured."""

    proxy: Annotated[SecretStr, AfterValidator(_proxy)] = SecretStr("")
    """Proxy by which it is reached: http://, https:// or socks5://, with NAME:PASSWORD@ where it wants that.

    `direct` for none, whatever the environment says; empty for what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY
    say. SOCKS needs `pip install lingpai[socks]`; such a proxy resolves the platform's name."""

    ca_bundle: Annotated[Path, AfterValidator(_authorities)] | None = None
    """File with the certificate authorities (PEM) that are trusted for it, instead of the system's."""

    source_address: Annotated[str, AfterValidator(_address)] = ""
    """Address of this machine from which it is called, for machines with several; empty for any."""

    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False, le=600)] | None = None
    """Seconds for a whole call of Lingpai's own to it, in the place of `upstream_timeout`; less than `keeper.lease`."""

    def way_out(self, name: str) -> WayOut:
        """Return how the platform is reached.

        Args:
            name: of this group of settings.
        """
        return WayOut(
            setting=name,
            proxy=self.proxy.get_secret_value(),
            ca_bundle="" if self.ca_bundle is None else str(self.ca_bundle),
            source_address=self.source_address,
            timeout=self.timeout,
        )
