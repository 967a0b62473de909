"""What operators do by command, step by step, and what it says but for what differs each time."""

import json
import re
from pathlib import Path
from typing import Any

from lingpai.sandbox import SAMPLE_APP
from tests.cli.conftest import Cli

CALLERS = (
    ("caller", "add", "shop", "--right", "token", "--right", "sign", "--environment", "dev"),
    ("caller", "add", "till", "--app", "wechat/wx1", "--network", "10.0.0.0/8"),
    ("caller", "set", "shop", "--environment", "production", "--network", "10.0.0.0/8"),
    ("caller", "set", "shop", "--environment", "production"),
    ("caller", "set", "shop", "--network", ""),
    ("caller", "show", "shop"),
    ("caller", "rotate", "shop", "--overlap", "1h"),
    ("caller", "rotate", "shop", "--now"),
    ("caller", "list"),
    ("caller", "revoke", "till"),
    ("caller", "show", "till"),
    # Refusals.
    ("caller", "add", "shop"),
    ("caller", "add", "a b"),
    ("caller", "add", "x", "--app", "weibo/1", "--right", "everything"),
    ("caller", "set", "till", "--right", "token"),
    ("caller", "set", "nobody", "--right", "token"),
    ("caller", "show", "nobody"),
    ("caller", "rotate", "till"),
    ("caller", "revoke", "till"),
    ("caller", "list"),
)
CALLER_CODES = [0] * 11 + [1, 2, 2, 1, 1, 1, 1, 1, 0]

KEEPER = (
    ("account", "add", "wechat", SAMPLE_APP.appid, "--domain", "a.example", "--secret-stdin"),
    ("account", "add", "wechat", SAMPLE_APP.appid, "--origin", "https://a.example", "--secret-stdin"),
    ("account", "add", "wechat", SAMPLE_APP.appid, "--any-domain", "--secret-stdin"),
    ("account", "add", "wecom", "ww1", "--label", "sales", "--secret-stdin"),
    ("account", "list"),
    ("account", "show", "ww1"),
    ("token", "get", SAMPLE_APP.appid, "--reason", "a test"),
    ("token", "get", SAMPLE_APP.appid, "--kind", "jsapi_ticket", "--reason", "a test"),
    ("account", "show", SAMPLE_APP.appid),
    ("token", "clear", SAMPLE_APP.appid),
    ("token", "clear", SAMPLE_APP.appid),
    ("token", "list"),
    ("status",),
    ("token", "unblock", f"wechat/{SAMPLE_APP.appid}"),
    ("token", "unblock", "wechat/wx-of-nobody"),
    ("token", "report", "unheard of"),
    ("account", "remove", "ww1", "--yes"),
    # Refusals.
    ("token", "get", SAMPLE_APP.appid, "--kind", "no_ticket", "--reason", "a test"),
    ("token", "clear", "nobody"),
    ("account", "show", "ww1"),
    ("account", "add", "weibo", "1", "--secret-stdin"),
    ("account", "add", "wechat", "a b", "--mode", "x", "--domain", "/", "--secret-stdin"),
    ("account", "add", "wechat", "wx2", "--secret", "lpk_" + "a" * 43),
    ("account", "remove", "ww1", "--yes"),
    ("account", "remove", SAMPLE_APP.appid),
)
KEEPER_CODES = [0] * 14 + [1, 1, 0, 2, 1, 1, 2, 2, 2, 1, 2]

REALMS = (
    ("user", "add", "ann", "--realm", "mall", "--password-stdin", "--nick", "小安"),
    ("user", "add", "bob", "--realm", "mall", "--no-password"),
    ("user", "list"),
    ("user", "list", "--realm", "mall", "--after", "ann"),
    ("user", "list", "--realm", "mall", "--limit", "1"),
    ("user", "show", "ann"),
    ("user", "passwd", "ann", "--password-stdin"),
    ("user", "claims", "ann", "email=a@example.com", "email_verified=true", "address.country=CN"),
    ("user", "claims", "ann", "email=", "email_verified="),
    ("user", "claims", "ann"),
    ("user", "reset-link", "ann"),
    ("user", "logout", "ann"),
    ("user", "disable", "bob"),
    ("user", "enable", "bob"),
    ("app", "add", "Shop", "--realm", "mall", "--app-id", "7", "--redirect-uri", "https://s.example/cb"),
    (
        "app",
        "add",
        "Web",
        "--realm",
        "oidc",
        "--app-id",
        "w",
        "--public",
        "--redirect-uri",
        "https://w.example/cb",
    ),
    ("app", "list"),
    ("app", "list", "--realm", "mall"),
    ("app", "show", "7"),
    ("app", "rotate-secret", "7", "--overlap", "1h"),
    ("app", "disable", "7"),
    ("app", "enable", "7"),
    ("grant", "code", "--app", "7", "--user", "ann"),
    ("grant", "list"),
    ("grant", "list", "--app", "7", "--user", "ann", "--limit", "1"),
    ("grant", "list", "--before", "1"),
    ("grant", "end", "1"),
    ("user", "add", "kim", "--realm", "yilianyun", "--no-password"),
    ("machine", "add", "4001", "--owner", "kim", "--name", "Kitchen", "--msign-stdin"),
    ("machine", "add", "4001", "--name", "Bar"),
    ("machine", "add", "4002", "--owner", "kim"),
    ("machine", "list"),
    ("machine", "list", "--owner", "kim", "--after", "4001"),
    ("machine", "qr", "4001"),
    ("resource", "add", "https://api.example", "--scope", "orders", "--jwt", "--name", "Orders"),
    ("resource", "list"),
    ("resource", "show", "https://api.example"),
    ("registration", "add", "partner", "--uses", "2", "--lifetime", "24h"),
    ("registration", "list"),
    ("registration", "revoke", "1"),
    ("realm", "login-key", "--realm", "mall"),
    ("realm", "login-key", "--realm", "mall", "--rotate"),
    ("key", "rotate", "--signing", "--soon"),
    ("key", "list", "--signing"),
    # Refusals.
    ("user", "add", "ANN", "--realm", "mall", "--no-password"),
    ("user", "add", "a\tb", "--realm", "mall", "--no-password"),
    ("user", "add", "eve", "--no-password"),
    ("user", "add", "eve", "--realm", "none", "--no-password"),
    ("user", "show", "eve"),
    ("user", "claims", "ann", "email_verified=maybe"),
    ("user", "claims", "ann", "size=12"),
    ("app", "add", "Shop", "--realm", "mall", "--app-id", "7"),
    ("app", "add", "Shop", "--realm", "mall", "--redirect-uri", "nowhere", "--network", "x"),
    ("app", "rotate-secret", "w"),
    ("app", "show", "8"),
    ("grant", "end", "999"),
    ("grant", "code", "--app", "7", "--user", "eve"),
    ("grant", "list", "--app", "8"),
    ("machine", "add", "a/b"),
    ("machine", "add", "4003", "--owner", "eve"),
    ("resource", "add", "https://api.example"),
    ("resource", "add", "https://b.example", "--scope", "openid", "--introspector", "w", "--alg", "none"),
    ("resource", "add", "https://b.example", "--scope", "openid", "--introspector", "w"),
    ("resource", "show", "https://b.example"),
    ("registration", "revoke", "1"),
    ("realm", "login-key", "--realm", "mall"),
    # The end.
    ("machine", "remove", "4001", "--yes"),
    ("resource", "remove", "https://api.example", "--yes"),
    ("app", "remove", "7", "--yes"),
    ("app", "remove", "7", "--yes"),
    ("user", "remove", "ann", "--yes"),
    ("user", "list"),
)
REALM_CODES = [0] * 44 + [1, 2, 1, 1, 1, 2, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 2, 2, 1, 1, 1, 0, 0, 0, 1, 0, 0]

HOUSE = (
    ("key", "list"),
    ("key", "rotate", "--yes"),
    ("key", "reseal"),
    ("key", "list"),
    ("key", "retire", "2"),
    ("key", "retire", "9"),
    ("admin", "list"),
    ("admin", "remove", "nobody"),
    ("audit", "verify"),
)
HOUSE_CODES = [0] * 4 + [1, 1, 0, 1, 0]

_APP = "wechat/wx5a3b1e0000000001"
RELAYS = (
    ("relay", "set", _APP, "--secrets-stdin"),
    ("relay", "list"),
    ("environment", "set", "dev", "--app", _APP, "--redirect-uri", "https://dev.example/back"),
    ("environment", "set", "dev", "--url", "https://dev.example/m", "--type", "text", "--primary"),
    ("environment", "set", "dev", "--secrets-stdin"),
    ("environment", "list"),
    ("environment", "remove", "dev"),
    ("relay", "remove", _APP),
    # Refusals.
    ("environment", "set", "d v", "--app", _APP, "--url", "https://a.example"),
    ("environment", "set", "dev", "--url", "https://a.example"),
    ("environment", "remove", "dev"),
    ("relay", "set", "wechat", "--secrets-stdin"),
    ("relay", "remove", _APP),
)
RELAY_CODES = [0] * 8 + [2, 2, 1, 2, 1]

DECLARED = (
    ("apply", "state.json", "--dry-run"),
    ("apply", "state.json"),
    ("apply", "state.json"),
    ("export", "-"),
    ("export", "exported.json"),
    ("apply", "exported.json", "--prune"),
    ("apply", "callers.json", "--prune"),
    ("caller", "list"),
    ("account", "check", SAMPLE_APP.appid),
    ("doctor", "--offline"),
    ("doctor",),
    ("user", "import", "users.csv", "--realm", "mall"),
    ("user", "import", "users.csv", "--realm", "mall"),
    ("user", "import", "known.csv", "--realm", "mall", "--add-users"),
    ("user", "list", "--realm", "mall"),
    # Refusals.
    ("apply", "wrong.json"),
    ("apply", "unresolved.json"),
    ("apply", "odd.json"),
    ("account", "check", "nobody"),
    ("user", "import", "faulty.csv", "--realm", "mall"),
    ("user", "import", "unknown.csv", "--realm", "mall"),
    ("user", "import", "users.csv", "--realm", "none"),
    ("user", "list", "--realm", "mall"),
    ("export", "exported.json"),
    ("export", "exported.toml"),
)
DECLARED_CODES = [0] * 15 + [1] * 3 + [1] * 4 + [0, 1, 2]
FILES = {
    "state.json": {
        "accounts": [
            {
                "platform": "wechat",
                "account": SAMPLE_APP.appid,
                "secret": "file:secret",
                "domains": ["a.example"],
            },
        ],
        "callers": [{"name": "shop", "rights": ["token"]}, {"name": "till", "environment": "dev"}],
        "users": [{"login": "ann", "realm": "mall", "nick": "小安", "password": "correct horse battery"}],
        "apps": [{"app_id": "7", "realm": "mall", "redirect_uris": ["https://s.example/cb"]}],
        "resources": [{"uri": "https://api.example", "realm": "oidc", "scopes": ["orders"]}],
        "machines": [{"machine_code": "4001", "realm": "yilianyun", "name": "Kitchen"}],
    },
    "callers.json": {"callers": [{"name": "shop", "rights": ["token", "sign"]}]},
    "wrong.json": {
        "accounts": [{"platform": "wechat", "account": "a b", "secret": "x"}],
        "users": [{"login": "a\tb", "realm": "mall"}, {"login": "eve", "realm": "none"}],
    },
    "unresolved.json": {"accounts": [{"platform": "wechat", "account": "wx2", "secret": "env:OF_NOBODY"}]},
    "odd.json": {"callers": [{"name": "x", "colour": 1}]},
}
"""Declarations that steps apply."""
TABLES = {
    "users.csv": "login,password_hash,nick\nbob,,小明\ncat,,\n",
    "known.csv": "app,login,open_id\n7,bob,o-1\n7,dan,o-2\n",
    "faulty.csv": "login,password_hash\neve,secret\nEVE,\nfay,\n",
    "unknown.csv": "app,login,open_id\n7,bob,o-1\n8,bob,o-3\n",
}


def write_files(folder: Path) -> None:
    """Write the files that steps read; what a step writes is removed."""
    for name, content in FILES.items():
        (folder / name).write_text(json.dumps(content), "utf-8")
        (folder / name).chmod(0o600)
    for name, text in TABLES.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "secret").write_text(SAMPLE_APP.secret)
    (folder / "exported.json").unlink(missing_ok=True)


GIVEN = {
    "--secrets-stdin": "t0ken abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "--secret-stdin": SAMPLE_APP.secret,
    "--password-stdin": "correct horse battery",
    "--msign-stdin": "terminal-secret",
}
VARYING = frozenset(
    (
        *(
            "key",
            "keys",
            "secret",
            "value",
            "uid",
            "token",
            "kid",
            "code",
            "qr_key",
            "address",
            "return_to",
            "iss",
        ),
        *("messages_url", "authorize_url"),
        *("key_id", "digest", "resealed", "values", "rows", "last", "first", "secret_fingerprint"),
        # A running service listens elsewhere, and fetches tokens and tickets itself.
        *("authorization_servers", "age", "lifetime", "remaining", "previous_remaining", "renewed_in"),
        *("expires_in", "version", "live", "suspect", "trouble", "budgets"),
        *("at", "due", "workers", "problems", "healthy"),
    )
)
"""Fields that differ from one run to the next, besides times."""
_HINT = re.compile(r"^(Back up|Copy) .*\n", re.MULTILINE)


def run_steps(cli: Cli, steps: tuple[tuple[str, ...], ...]) -> list[tuple[int, Any, str]]:
    """Exit code and output of every step, without what differs each time."""
    write_files(Path())
    return [run_step(cli, step) for step in steps]


def run_step(cli: Cli, step: tuple[str, ...]) -> tuple[int, Any, str]:
    """Exit code, document and standard error of a step, without what differs each time."""
    given = next((text for flag, text in GIVEN.items() if flag in step), None)
    answer = cli(*step, given=given)
    document = masked(json.loads(answer.stdout)) if answer.stdout else None
    return answer.code, document, _HINT.sub("", answer.stderr)


def masked(document: Any) -> Any:
    """A document without what differs each time."""
    if isinstance(document, dict):
        if (
            "findings" in document
        ):  # a running service has other folders and settings, and a file has no clock
            found = [
                each
                for each in document["findings"]
                if (each["check"], each["subject"]) != ("clock", "store")
            ]
            return sorted({(each["check"], each["verdict"]) for each in found})
        return {name: "…" if _varies(name) else masked(value) for name, value in document.items()}
    return [masked(each) for each in document] if isinstance(document, list) else document


def _varies(name: str) -> bool:
    return name in VARYING or name.endswith(("_at", "_from", "_until"))
