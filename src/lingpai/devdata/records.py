"""The ids and secrets of the samples of one data folder, made at random at the first start."""

import secrets
from pathlib import Path

import msgspec

from lingpai.core import private_files
from lingpai.keeper.access import KEY_PREFIX


def _digits(count: int) -> str:
    return str(10 ** (count - 1) + secrets.randbelow(9 * 10 ** (count - 1)))


def _secret() -> str:
    return secrets.token_hex(20)


class IssuerSamples(msgspec.Struct):
    """Sample apps of each dialect, two users and a terminal; ids and secrets have the form of the originals'."""

    yzb_app_id: str = msgspec.field(default_factory=lambda: _digits(6))
    yzb_secret: str = msgspec.field(default_factory=_secret)
    mall_client_id: str = msgspec.field(default_factory=lambda: _digits(6))
    mall_secret: str = msgspec.field(default_factory=_secret)
    open_client_id: str = msgspec.field(default_factory=lambda: _digits(10))
    open_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    own_client_id: str = msgspec.field(default_factory=lambda: _digits(10))
    own_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    oidc_client_id: str = msgspec.field(default_factory=lambda: _digits(6))
    oidc_secret: str = msgspec.field(default_factory=_secret)
    oidc_public_id: str = msgspec.field(default_factory=lambda: _digits(6))
    machine_code: str = msgspec.field(default_factory=lambda: f"4004{_digits(6)}")
    msign: str = msgspec.field(default_factory=lambda: _digits(12))
    first_password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(9))
    second_password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(9))


class Samples(msgspec.Struct):
    """All samples of one data folder."""

    appid: str = msgspec.field(default_factory=lambda: "wx" + secrets.token_hex(8))
    app_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    mini_appid: str = msgspec.field(default_factory=lambda: "wx" + secrets.token_hex(8))
    mini_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    corpid: str = msgspec.field(default_factory=lambda: "ww" + secrets.token_hex(8))
    agent_secret: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    second_agent_secret: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    caller_key: str = msgspec.field(default_factory=lambda: KEY_PREFIX + secrets.token_urlsafe(32))
    first_agent_key: str = msgspec.field(default_factory=lambda: KEY_PREFIX + secrets.token_urlsafe(32))
    second_agent_key: str = msgspec.field(default_factory=lambda: KEY_PREFIX + secrets.token_urlsafe(32))
    issuer: IssuerSamples = msgspec.field(default_factory=IssuerSamples)


def load_samples(path: Path) -> Samples:
    """Read the samples of the file `path`; make missing ones and save them."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = path.read_bytes() if path.exists() else b"{}"
    samples = msgspec.json.decode(kept, type=Samples)
    content = msgspec.json.encode(samples)
    if content != kept:
        private_files.write(path, content)
    return samples
