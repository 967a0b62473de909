"""What `lingpai dev` writes and prints: `dev.json` for scripts, `dev.env` for shells, a table and calls for people."""

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table

from lingpai.devdata.issuer import DOMAIN, FIRST, SECOND, landing
from lingpai.devdata.keeper import CALLER
from lingpai.devdata.records import IssuerSamples, Samples
from lingpai.issuer.realms import Realm
from lingpai.keeper.platforms.registry import platform_types

Json = dict[str, Any]

_VARIABLES = {
    "KEY": "caller.key",
    "APPID": "keeper.wechat.appid",
    "SECRET": "keeper.wechat.secret",
    "MINI": "keeper.wechat_mini.appid",
    "MINI_SECRET": "keeper.wechat_mini.secret",
    "CORPID": "keeper.wecom.corpid",
    "CORPSECRET": "keeper.wecom.secret",
    "YZB": "issuer.yzb.app_id",
    "YZB_SECRET": "issuer.yzb.secret",
    "MALL": "issuer.mall.client_id",
    "MALL_SECRET": "issuer.mall.client_secret",
    "REDIRECT": "issuer.mall.redirect_uri",
    "PRINT": "issuer.yilianyun.client_id",
    "PRINT_SECRET": "issuer.yilianyun.client_secret",
    "MACHINE": "issuer.yilianyun.machine_code",
    "MSIGN": "issuer.yilianyun.msign",
    "OWN": "issuer.yilianyun_self.client_id",
    "OWN_SECRET": "issuer.yilianyun_self.client_secret",
    "ISSUER": "issuer.oidc.issuer",
    "OIDC": "issuer.oidc.client_id",
    "OIDC_SECRET": "issuer.oidc.client_secret",
    "OIDC_PAGE": "issuer.oidc.public_client_id",
}
"""Where the value of each variable of `dev.env` is in `dev.json`."""


def describe(url: str, sandbox_url: str, samples: Samples, realms: Mapping[str, Realm]) -> Json:
    """What `dev.json` says, so that scripts find everything.

    Args:
        url: of the service.
        sandbox_url: of the sandbox.
        samples: what was added.
        realms: the realm with the samples of each dialect, by dialect; what is switched off is not told.
    """
    issuer = samples.issuer
    return {
        "url": url,
        "sandbox": sandbox_url,
        "caller": {"name": CALLER, "key": samples.caller_key},
        "keeper": {
            "wechat": {"appid": samples.appid, "secret": samples.app_secret},
            "wechat_mini": {"appid": samples.mini_appid, "secret": samples.mini_secret},
            "wecom": {
                "corpid": samples.corpid,
                "secret": samples.agent_secret,
                "key": samples.first_agent_key,
            },
            "wecom_second": {
                "corpid": samples.corpid,
                "secret": samples.second_agent_secret,
                "key": samples.second_agent_key,
            },
            **{
                each.name: [
                    {"account": account, "secret": secret} for account, secret in each.samples.items()
                ]
                for each in platform_types().values()
                if each.samples
            },
        },
        "admin": {},
        "issuer": {name: app for dialect, name, app in _apps(issuer, landing(url)) if dialect in realms}
        | _standard(issuer, url, realms),
        "users": [
            {"login": FIRST, "password": issuer.first_password},
            {"login": SECOND, "password": issuer.second_password},
        ],
    }


def shell_variables(described: Json) -> str:
    """The content of `dev.env`: lines `NAME=value` that a POSIX shell reads with `. FOLDER/dev.env`.

    Variables of a protocol that is switched off are left out.

    Args:
        described: see `describe`.
    """
    values: dict[str, str] = {"URL": described["url"], "SANDBOX": described["sandbox"]}
    for name, path in _VARIABLES.items():
        found: Any = described
        for key in path.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        if found is not None:
            values[name] = found
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def announce(described: Json, data: Path, realms: Mapping[str, Realm]) -> None:
    """Print what runs where, and calls that work when pasted."""
    url = described["url"]
    users = " · ".join(f"{user['login']} {user['password']}" for user in described["users"])
    table = Table(title="Lingpai 令牌 dev", show_header=False)
    for what, where in (
        ("service 服务", url),
        ("API pages 文档", f"{url}/docs"),
        ("sandbox 沙箱", described["sandbox"]),
        ("sample app 示例应用", described["sample"]),
        ("users 用户", users),
        ("data 数据", str(data)),
        ("for scripts 脚本用", str(data / "dev.json")),
        ("for shells 终端用", f". {shlex.quote(str(data / 'dev.env'))}"),
    ):
        table.add_row(what, where)
    console = Console(soft_wrap=True)
    console.print(table)
    for call in (*_keeper_calls(described), *_issuer_calls(described, realms)):
        console.print(call, highlight=False, markup=False)
    console.print("Ctrl-C ends it; the data stays. 按 Ctrl-C 结束，数据保留。", style="dim")


def _apps(samples: IssuerSamples, redirect_uri: str) -> tuple[tuple[str, str, Json], ...]:
    """The dialect of each sample app, its name in `dev.json`, and what stands there."""
    return (
        ("yzb", "yzb", {"app_id": samples.yzb_app_id, "secret": samples.yzb_secret, "domain": DOMAIN}),
        (
            "mall",
            "mall",
            {
                "client_id": samples.mall_client_id,
                "client_secret": samples.mall_secret,
                "redirect_uri": redirect_uri,
            },
        ),
        (
            "yilianyun",
            "yilianyun",
            {
                "client_id": samples.open_client_id,
                "client_secret": samples.open_secret,
                "redirect_uri": redirect_uri,
                "machine_code": samples.machine_code,
                "msign": samples.msign,
            },
        ),
        (
            "yilianyun",
            "yilianyun_self",
            {"client_id": samples.own_client_id, "client_secret": samples.own_secret},
        ),
    )


def _standard(samples: IssuerSamples, url: str, realms: Mapping[str, Realm]) -> Json:
    """The sample apps of the standard protocol, which needs one address more than the others: its issuer."""
    if "oidc" not in realms:
        return {}
    return {
        "oidc": {
            "issuer": url + realms["oidc"].prefix,
            "client_id": samples.oidc_client_id,
            "client_secret": samples.oidc_secret,
            "redirect_uri": landing(url),
            "public_client_id": samples.oidc_public_id,
            "spa_redirect_uri": landing(url),
        }
    }


def _keeper_calls(described: Json) -> Iterator[str]:
    url, app, corp = described["url"], described["keeper"]["wechat"], described["keeper"]["wecom"]
    page = json.dumps({"wx_app_id": app["appid"], "url": "http://www.baidu.com"})
    yield f"curl '{url}/AccessToken/getXcx?appid={app['appid']}'"
    yield f"curl '{url}/AccessToken/getQyapi?corpid={corp['corpid']}&secret={corp['secret']}'"
    bearer = f"-H 'Authorization: Bearer {described['caller']['key']}'"
    yield f"curl {bearer} '{url}/v1/tokens/wechat/{app['appid']}'"
    yield f"curl '{url}/JsSDK/getJsApiSign' -H 'Content-Type: application/json' -d '{page}'"
    yield f"curl '{described['sandbox']}/_sandbox/calls'"


def _issuer_calls(described: Json, realms: Mapping[str, Realm]) -> Iterator[str]:
    url, apps = described["url"], described["issuer"]
    if "yzb" in realms:
        app, base = apps["yzb"], url + realms["yzb"].prefix
        form = f"-d app_id={app['app_id']} -d secret={app['secret']} -d grant_type=client_credential"
        yield f"curl '{base}/OAuth2/token' {form}"
    if "mall" in realms:
        app, base = apps["mall"], url + realms["mall"].prefix
        query = urlencode(
            {
                "response_type": "code",
                "client_id": app["client_id"],
                "redirect_uri": app["redirect_uri"],
                "state": "mine",
            }
        )
        yield f"curl -sL --cookie '' '{base}/v1/oauth2/authorize?{query}'"
    if "yilianyun" in realms:
        app, base = apps["yilianyun_self"], url + realms["yilianyun"].prefix
        signed = f"{app['client_id']}${{T}}{app['client_secret']}"
        sign = f"""$(python3 -c "import hashlib; print(hashlib.md5(b'{signed}').hexdigest())")"""
        yield (
            f"T=$(date +%s); curl '{base}/oauth/oauth' -d client_id={app['client_id']} "
            f"-d grant_type=client_credentials -d scope=all -d timestamp=$T "
            f"-d id=$(python3 -c 'import uuid; print(uuid.uuid4())') -d sign={sign}"
        )
    if "oidc" in realms:
        app = apps["oidc"]
        client = f"-u {app['client_id']}:{app['client_secret']}"
        yield f"curl '{app['issuer']}/token' {client} -d grant_type=client_credentials"
