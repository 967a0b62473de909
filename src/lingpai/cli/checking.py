"""Check accounts and callers before they are stored."""

import ipaddress
import re
from collections.abc import Mapping

from lingpai.cli.messages import tr
from lingpai.cli.remedies import missing_address
from lingpai.core.names import hides
from lingpai.core.records import EVERY_RIGHT, HAND_OUTS, Account, Caller
from lingpai.keeper.access import KEY_PREFIX, MAX_ACCOUNT, MAX_SECRET
from lingpai.keeper.forwarding.paths import is_pattern
from lingpai.keeper.platforms.platform import Platform

MAX_LABEL = 64
_ID = re.compile(r"[A-Za-z0-9._@-]+")
"""An appid, a corpid and the like."""
_NAME = re.compile(r"[^\s/\x00-\x1f]+")
_PART = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?(?:{_PART}\.)*{_PART}(?::\d{{1,5}})?", re.IGNORECASE)
_LONGEST_HOST = 260


def account_problems(platforms: Mapping[str, Platform], account: Account) -> list[str]:
    """Return the problems of an account, in the user's language.

    The secret may be "" (not given yet).
    """
    platform = platforms.get(account.platform)
    if platform is None:
        known = ", ".join(platforms)
        return [
            tr("There is no platform {name}; known platforms: {known}.", name=account.platform, known=known)
        ]
    problems = [] if platform.base_url else [missing_address(platform.name)]
    if not is_name(account.account) or len(account.account) > MAX_ACCOUNT:
        problems.append(tr("{text} is not an account id: no blanks, no slash.", text=repr(account.account)))
    if account.label and (not is_name(account.label) or len(account.label) > MAX_LABEL):
        problems.append(tr("{text} is not a label: no blanks, no slash.", text=repr(account.label)))
    if account.label and platform.one_secret:
        problems.append(tr("An account of {name} has one secret, so it takes no label.", name=platform.name))
    modes = [mode for mode in platform.modes if mode]
    if account.mode and account.mode not in modes:
        known = ", ".join(modes) or "–"
        problems.append(
            tr(
                "{name} has no mode {mode}; known modes: {known}.",
                name=platform.name,
                mode=account.mode,
                known=known,
            )
        )
    problems += [
        tr("{text} is not a host name such as www.example.com.", text=repr(domain))
        for domain in account.domains
        if not is_host(domain)
    ]
    problems += _hand_out_problems(account.hand_out)
    if account.hand_out == "phantom" and platform.forwarding is None:
        problems.append(
            tr("Calls of {name} cannot be forwarded, so there are no phantom tokens.", name=platform.name)
        )
    return problems + secret_problems(account.secret)


def secret_problems(secret: str) -> list[str]:
    """Return the problems of an app's secret; none when it is ""."""
    if secret.startswith(KEY_PREFIX):
        return [
            tr("This is a caller key of Lingpai. Give the secret that the platform shows for the account.")
        ]
    if len(secret) > MAX_SECRET or re.search(r"[\s\x00-\x1f]", secret):
        return [tr("The secret contains blanks or is too long.")]
    return []


def caller_problems(platforms: Mapping[str, Platform], caller: Caller) -> list[str]:
    """Return the problems of a caller, in the user's language."""
    problems = []
    if not is_name(caller.name) or len(caller.name) > MAX_LABEL:
        problems.append(tr("{text} is not a name: no blanks, no slash.", text=repr(caller.name)))
    problems += [
        tr("{text} is not an account: write *, platform/account or platform/account/label.", text=repr(app))
        for app in caller.apps
        if app != "*" and not _is_app(platforms, app)
    ]
    known = ", ".join(EVERY_RIGHT)
    problems += [
        tr("There is no right {name}; known rights: {known}.", name=right, known=known)
        for right in caller.rights
        if right not in EVERY_RIGHT
    ]
    problems += _forwarding_problems(caller)
    return problems + [
        tr("{text} is not a network such as 10.0.0.0/8.", text=repr(network))
        for network in caller.networks
        if not is_network(network)
    ]


def _forwarding_problems(caller: Caller) -> list[str]:
    problems = _hand_out_problems(caller.hand_out)
    problems += [
        tr("{text} is not a pattern of paths such as /cgi-bin/message/*.", text=repr(pattern))
        for pattern in caller.forward
        if not is_pattern(pattern)
    ]
    may_forward = "forward" in caller.rights
    if caller.forward and not may_forward:
        problems.append(tr("Patterns of paths need the right forward."))
    if caller.hand_out == "phantom" and not may_forward:
        problems.append(tr("Phantom tokens are good for forwarding alone, which needs the right forward."))
    return problems


def _hand_out_problems(hand_out: str) -> list[str]:
    if hand_out in ("", *HAND_OUTS):
        return []
    return [
        tr("{text} cannot be handed out; known: {known}.", text=repr(hand_out), known=", ".join(HAND_OUTS))
    ]


def _is_app(platforms: Mapping[str, Platform], text: str) -> bool:
    platform, *rest = text.split("/")
    if platform not in platforms or not 1 <= len(rest) <= 2:  # noqa: PLR2004
        return False
    return bool(_ID.fullmatch(rest[0])) and all(map(is_name, rest[1:]))


def is_name(text: str) -> bool:
    """Return whether a text has no blanks, slashes and control characters, and is not empty."""
    return bool(_NAME.fullmatch(text)) and not hides(text)


def is_host(text: str) -> bool:
    """Return whether a text is a host name, with or without a port, or `*.` and one for all hosts below it."""
    return len(text) <= _LONGEST_HOST and bool(_HOST.fullmatch(text))


def is_network(text: str) -> bool:
    """Return whether a text is an address or a CIDR block."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
