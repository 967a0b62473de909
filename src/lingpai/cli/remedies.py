"""What a human has to do about the platforms' well-known refusals (docs/spec/platforms.md)."""

import re

from lingpai.cli.messages import tr

_WRONG = (
    "The secret is wrong or was reset. Take it from the platform's console and set it with `lingpai account add`; "
    "then close the breaker with `lingpai token unblock`."
)
_ACCOUNT = "The platform does not know this id; look for a typing error: `lingpai account list`."
_QUOTA = (
    "The quota is used up. Find out who else fetches tokens of this app (`lingpai token list` shows what we used); "
    "it starts anew at midnight of China's time, or when it is reset (clear_quota), which is noticed within "
    "40 minutes, or at once after `lingpai token unblock`."
)
_BLOCKED = "The platform has restricted the account. Log in to its console and follow the notice there."
_CONFIRM = (
    "The app's administrator has to confirm the address {address}: WeChat has sent them a message. "
    "Then close the breaker with `lingpai token unblock`."
)
_AGAIN = "The terminal's owner has to authorise it again; exchange the code or key that comes of it."
_BUSY = "The platform is busy; this passes by itself."

REMEDIES: dict[tuple[str, int], str] = {
    ("wechat", -1): _BUSY,
    ("wechat", 40001): _WRONG,
    ("wechat", 40125): _WRONG,
    ("wechat", 40013): _ACCOUNT,
    (
        "wechat",
        40164,
    ): "The platform does not let the address {address} ask. Add it to the app's IP allow list "
    "(console: Settings and development, Basic configuration); it takes some minutes. "
    "Then close the breaker with `lingpai token unblock`.",
    ("wechat", 40243): "The secret is frozen. Unfreeze it in the platform's console (Basic configuration).",
    ("wechat", 45009): _QUOTA,
    ("wechat", 45011): "Too many calls in this minute; this passes by itself.",
    ("wechat", 50002): _BLOCKED,
    ("wechat", 50004): _BLOCKED,
    ("wechat", 50007): _BLOCKED,
    ("wechat", 61024): "This app is managed by a third-party platform, which has to fetch its token.",
    ("wechat", 89501): _CONFIRM,
    ("wechat", 89503): _CONFIRM,
    (
        "wechat",
        89506,
    ): "The administrator refused the address {address} twice. It can be asked for again after 24 hours.",
    (
        "wechat",
        89507,
    ): "The administrator refused the address {address}. It can be asked for again after an hour.",
    ("wecom", -1): _BUSY,
    ("wecom", 40001): _WRONG,
    (
        "wecom",
        40091,
    ): "The secret belongs to another corp. Take the one of this corp's app and set it with `lingpai account add`.",
    ("wecom", 40013): _ACCOUNT,
    ("wecom", 40056): _ACCOUNT,
    ("wecom", 45009): "Too many calls. WeCom takes them again within the hour.",
    ("wecom", 45033): "Too many calls at once; this passes by itself.",
    (
        "wecom",
        60020,
    ): "Add the address {address} to the app's trusted IPs in the WeCom console; it works after a minute.",
    (
        "yzb",
        4000,
    ): "The id or the secret is wrong, the app's address list lacks {address}, or there were too many calls. "
    "Set the secret with `lingpai account add`; then close the breaker with `lingpai token unblock`.",
    ("yilianyun", 2): _ACCOUNT,
    ("yilianyun", 11): _WRONG,
    ("yilianyun", 14): _AGAIN,
    ("yilianyun", 20): _AGAIN,
    ("yilianyun", 31): "The app is an open one: add it with --mode open, and authorise its terminals.",
    ("yilianyun", 41): _QUOTA,
    ("yilianyun", 47): "Set this machine's clock, best by NTP: the platform refuses calls of another time.",
}

UNREACHABLE = (
    "Look at this machine's network, DNS and proxies, and at the platform's base_url in the settings; "
    "`lingpai doctor` tries it."
)
BUDGET = "Our own budget is used up, which protects the platform's quota. `lingpai token list` shows what it went to."

_IP4 = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
_IP6 = re.compile(r"(?<![0-9a-fA-F:])((?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})(?![0-9a-fA-F:])")


def missing_address(platform: str) -> str:
    """What to do about a platform that the settings have no address of, in the user's language."""
    return tr(
        "Set {name}.base_url in lingpai.toml, or {variable} in the environment.",
        name=platform,
        variable=f"LINGPAI_{platform.upper()}__BASE_URL",
    )


def remedy(platform: str, code: int | None, message: str) -> str | None:
    """What to do about an upstream's refusal, in the user's language; None when its message says all there is.

    Args:
        platform: whose refusal.
        code: its error number, or None when it could not be asked or our budget was used up.
        message: its text, in which it names the address it refuses.
    """
    if code is None and "base_url" in message:
        return missing_address(platform)
    if code is None:
        return tr(BUDGET if "budget" in message else UNREACHABLE)
    text = REMEDIES.get((platform, code))
    return None if text is None else tr(text, address=address_in(message))


def address_in(message: str) -> str:
    """The IP address that a refusal names; "of this machine" when it names none."""
    found = _IP4.search(message) or _IP6.search(message)
    return found[1] if found else tr("of this machine")
