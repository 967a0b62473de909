"""The ids and secrets of the samples of one data folder, made at random at the first start."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from lingpai.core import message_crypto, private_files
from lingpai.issuer.dialects.registry import dialects
from lingpai.keeper.keys import new_key

FIRST_PASSWORD, SECOND_PASSWORD = "first_password", "second_password"
"""Names of the users' passwords among the issuer's samples."""


class Samples(msgspec.Struct):
    """All samples of one data folder; of the issuer, what its dialects declare and the passwords of two users."""

    appid: str = msgspec.field(default_factory=lambda: "wx" + secrets.token_hex(8))
    app_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    mini_appid: str = msgspec.field(default_factory=lambda: "wx" + secrets.token_hex(8))
    mini_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    corpid: str = msgspec.field(default_factory=lambda: "ww" + secrets.token_hex(8))
    agent_secret: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    second_agent_secret: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    component_appid: str = msgspec.field(default_factory=lambda: "wx" + secrets.token_hex(8))
    component_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    component_token: str = msgspec.field(default_factory=lambda: secrets.token_hex(12))
    component_key: str = msgspec.field(default_factory=message_crypto.new_key)
    merchant_appid: str = msgspec.field(default_factory=lambda: "wx" + secrets.token_hex(8))
    merchant_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    suite_id: str = msgspec.field(default_factory=lambda: "ww" + secrets.token_hex(8))
    suite_secret: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    suite_token: str = msgspec.field(default_factory=lambda: secrets.token_hex(12))
    suite_key: str = msgspec.field(default_factory=message_crypto.new_key)
    suite_corpid: str = msgspec.field(default_factory=lambda: "ww" + secrets.token_hex(8))
    merchant_corpid: str = msgspec.field(default_factory=lambda: "ww" + secrets.token_hex(8))
    caller_key: str = msgspec.field(default_factory=new_key)
    phantom_key: str = msgspec.field(default_factory=new_key)
    merchants_key: str = msgspec.field(default_factory=new_key)
    first_agent_key: str = msgspec.field(default_factory=new_key)
    second_agent_key: str = msgspec.field(default_factory=new_key)
    issuer: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the issuer's samples that are missing."""
        for name, make in _issuer_values():
            if name not in self.issuer:
                self.issuer[name] = make()


def load_samples(path: Path) -> Samples:
    """Read the samples of the file `path`; make missing ones and save them."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = path.read_bytes() if path.exists() else b"{}"
    samples = msgspec.json.decode(kept, type=Samples)
    content = msgspec.json.encode(samples)
    if content != kept:
        private_files.write(path, content)
    return samples


def _issuer_values() -> Iterator[tuple[str, Callable[[], str]]]:
    for dialect in dialects().values():
        if dialect.samples is not None:
            yield from dialect.samples.values.items()
    for name in (FIRST_PASSWORD, SECOND_PASSWORD):
        yield name, lambda: secrets.token_urlsafe(9)
