"""Accounts as operators set them: their fields, what is wrong with one, and their documents."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from lingpai.core.fields import Fields
from lingpai.core.flaws import Flaw
from lingpai.core.hosts import is_host
from lingpai.core.message_crypto import KEY_FORM
from lingpai.core.names import is_name
from lingpai.core.origins import is_origin
from lingpai.core.records import HAND_OUTS, Account
from lingpai.keeper.keys import KEY_PREFIX
from lingpai.keeper.platforms.platform import Platform

if TYPE_CHECKING:
    from lingpai.keeper.keeper import Keeper

MAX_ACCOUNT: Final = 128
MAX_SECRET: Final = 512
MAX_TOKEN: Final = 64
MAX_LABEL: Final = 64
"""Characters of a label, and of a caller's name."""
FINGERPRINT_DIGITS: Final = 8
_BLANK: Final = re.compile(r"[\s\x00-\x1f]")

FIELDS: Final = Fields(
    Account,
    *("secret", "mode", "domains", "hand_out", "origins"),
    *("callback_token", "encoding_key", "former_encoding_key", "corpid", "next_urls"),
    secrets=("secret", "callback_token", "encoding_key", "former_encoding_key"),
    shown={"hand_out": lambda hand_out: hand_out or "token"},
)


def account_flaws(platforms: Mapping[str, Platform], account: Account) -> list[Flaw]:
    """Return what is wrong with an account. The secret may be "" (not given yet)."""
    platform = platforms.get(account.platform)
    if platform is None:
        known = ", ".join(platforms)
        return [Flaw("platform", f"There is no platform {account.platform}; known platforms: {known}.")]
    return [*_platform_flaws(platform, account), *secret_flaws(account.secret)]


def _platform_flaws(platform: Platform, account: Account) -> Iterator[Flaw]:
    name = platform.name
    if not platform.base_url:
        yield Flaw("platform", missing_address(name))
    if not is_name(account.account) or len(account.account) > MAX_ACCOUNT:
        yield Flaw("account", f"{account.account!r} is not an account id: no blanks, no slash.")
    if account.label and (not is_name(account.label) or len(account.label) > MAX_LABEL):
        yield Flaw("label", f"{account.label!r} is not a label: no blanks, no slash.")
    if account.label and platform.one_secret:
        yield Flaw("label", f"An account of {name} has one secret, so it takes no label.")
    modes = [mode for mode in platform.modes if mode]
    if account.mode and account.mode not in modes:
        known = ", ".join(modes) or "–"
        yield Flaw("mode", f"{name} has no mode {account.mode}; known modes: {known}.")
    yield from _page_flaws(platform, account)
    yield from _callback_flaws(platform, account)
    yield from hand_out_flaws(account.hand_out)
    if account.hand_out == "phantom" and platform.forwarding is None:
        yield Flaw("hand_out", f"Calls of {name} cannot be forwarded, so there are no phantom tokens.")


def _page_flaws(platform: Platform, account: Account) -> Iterator[Flaw]:
    name = platform.name
    for domain in account.domains:
        if not is_host(domain):
            yield Flaw("domains", f"{domain!r} is not a host name such as www.example.com.")
    for origin in account.origins:
        if not is_origin(origin):
            yield Flaw("origins", f"{origin!r} is not an origin such as https://www.example.com.")
    if account.origins and not platform.sign_kinds:
        yield Flaw("origins", f"Pages are not signed for {name}, so an account takes no origins.")


def _callback_flaws(platform: Platform, account: Account) -> Iterator[Flaw]:
    name = platform.name
    if platform.third_party is None:
        for field in ("callback_token", "encoding_key", "former_encoding_key", "corpid", "next_urls"):
            if getattr(account, field):
                yield Flaw(field, f"{name} has no third-party platforms, so an account takes none of this.")
        return
    if not account.callback_token or len(account.callback_token) > MAX_TOKEN:
        yield Flaw("callback_token", "A third-party platform needs the token by which pushes are signed.")
    if not KEY_FORM.fullmatch(account.encoding_key):
        yield Flaw("encoding_key", "A third-party platform needs its EncodingAESKey, 43 letters and digits.")
    if account.former_encoding_key and not KEY_FORM.fullmatch(account.former_encoding_key):
        yield Flaw("former_encoding_key", "This is not an EncodingAESKey, which has 43 letters and digits.")
    for url in account.next_urls:
        if not _is_web_address(url):
            yield Flaw("next_urls", f"{url!r} is not an http or https address without a fragment.")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not _BLANK.search(url)
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname) and "#" not in url


def secret_flaws(secret: str) -> list[Flaw]:
    """Return what is wrong with an app's secret; nothing when it is ""."""
    if secret.startswith(KEY_PREFIX):
        text = "This is a caller key of Lingpai. Give the secret that the platform shows for the account."
        return [Flaw("secret", text)]
    if len(secret) > MAX_SECRET or _BLANK.search(secret):
        return [Flaw("secret", "The secret contains blanks or is too long.")]
    return []


def hand_out_flaws(hand_out: str) -> list[Flaw]:
    """Return what is wrong with what caller keys get; "" is left to others."""
    if hand_out in ("", *HAND_OUTS):
        return []
    known = ", ".join(HAND_OUTS)
    return [Flaw("hand_out", f"{hand_out!r} cannot be handed out; known: {known}.")]


def missing_address(platform: str) -> str:
    """Return the remedy for a platform without an address in the settings."""
    variable = f"LINGPAI_{platform.upper()}__BASE_URL"
    text = f"Set {platform}.base_url in lingpai.toml, or {variable} in the environment."
    return text  # noqa: RET504  the name marks it as a text of the catalogue


def fingerprint(keeper: "Keeper", account: Account) -> str:
    """Return a short keyed digest that distinguishes secrets; the secret cannot be guessed from it."""
    return keeper.digest_secret(account.secret).hex()[:FINGERPRINT_DIGITS]


def account_document(keeper: "Keeper", account: Account) -> dict[str, Any]:
    """Return an account as a JSON document, without its secret."""
    return {
        "account": account.name,
        "platform": account.platform,
        "id": account.account,
        "label": account.label,
        **FIELDS.shown(account),
        "source": account.source,
        **({} if account.via is None else {"via": f"{account.via.platform}/{account.via.account}"}),
        "secret_fingerprint": fingerprint(keeper, account),
    }


async def known_account(keeper: "Keeper", account: Account) -> Account | None:
    """Return the stored account of the same name, or None."""
    found = await keeper.store.find_accounts(account.platform, account.account)
    return next((each for each in found if each.label == account.label), None)
