"""The output of `lingpai dev`: `dev.json` for scripts, `dev.env` for shells, a table and calls for people."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lingpai.devdata.calls import calls_of, samples_of
from lingpai.devdata.issuer import FIRST, SECOND, landing
from lingpai.devdata.keeper import CALLER, CORPS, MERCHANTS, PHANTOM_CALLER
from lingpai.devdata.records import FIRST_PASSWORD, SECOND_PASSWORD, Samples
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.realms import Realm
from lingpai.issuer.samples import Samples as SampleSet
from lingpai.keeper.platforms.registry import platform_types

Json = dict[str, Any]

_VARIABLES = {
    "KEY": "caller.key",
    "PHANTOM_KEY": "caller_phantom.key",
    "APPID": "keeper.wechat.appid",
    "SECRET": "keeper.wechat.secret",
    "MINI": "keeper.wechat_mini.appid",
    "MINI_SECRET": "keeper.wechat_mini.secret",
    "CORPID": "keeper.wecom.corpid",
    "CORPSECRET": "keeper.wecom.secret",
    "COMPONENT": "keeper.wechat_component.appid",
    "MERCHANT": "keeper.wechat_component.merchant",
    "MERCHANTS": "keeper.wechat_component.next",
    "SUITE": "keeper.wecom_suite.suite_id",
    "CORP": "keeper.wecom_suite.merchant",
    "CORPS": "keeper.wecom_suite.next",
}
"""Where the value of each variable of `dev.env` is in `dev.json`; the dialects declare theirs."""


def describe(
    url: str, sandbox_url: str, sample_url: str, samples: Samples, realms: Mapping[str, Realm]
) -> Json:
    """Return the document `dev.json`, in which scripts find everything.

    Args:
        url: of the service.
        sandbox_url: of the sandbox.
        sample_url: of the sample app.
        samples: what was added.
        realms: the realm with the samples of each dialect, by dialect; disabled ones are left out.
    """
    return {
        "url": url,
        "sandbox": sandbox_url,
        "sample": sample_url,
        "caller": {"name": CALLER, "key": samples.caller_key},
        "caller_phantom": {"name": PHANTOM_CALLER, "key": samples.phantom_key},
        "keeper": {
            "wechat": {"appid": samples.appid, "secret": samples.app_secret},
            "wechat_mini": {"appid": samples.mini_appid, "secret": samples.mini_secret},
            "wechat_component": {
                "appid": samples.component_appid,
                "secret": samples.component_secret,
                "token": samples.component_token,
                "encoding_key": samples.component_key,
                "callback": f"{url}/callback/wechat_component/{samples.component_appid}",
                "authorize": f"{url}/authorize/wechat_component/{samples.component_appid}",
                "next": sample_url + MERCHANTS,
                "merchant": samples.merchant_appid,
            },
            "wecom_suite": {
                "suite_id": samples.suite_id,
                "secret": samples.suite_secret,
                "token": samples.suite_token,
                "encoding_key": samples.suite_key,
                "corpid": samples.suite_corpid,
                "callback": f"{url}/callback/wecom_suite/{samples.suite_id}",
                "authorize": f"{url}/authorize/wecom_suite/{samples.suite_id}",
                "next": sample_url + CORPS,
                "merchant": samples.merchant_corpid,
            },
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
        "issuer": {
            name: {**app, **resource_of(declared, name, sample_url)}
            for _, declared, address in samples_of(url, realms)
            for name, app in declared.describe(samples.issuer, address, landing(url)).items()
        },
        "users": [
            {"login": FIRST, "password": samples.issuer[FIRST_PASSWORD]},
            {"login": SECOND, "password": samples.issuer[SECOND_PASSWORD]},
        ],
    }


def resource_of(declared: SampleSet, app: str, sample_url: str) -> Json:
    """The address of the sample app's server that takes a dialect's access tokens, beside the app that it is of."""
    server = None if declared.sign_in is None else declared.sign_in.server
    return {} if server is None or server.app != app else {"resource": sample_url + server.path}


def shell_variables(described: Json) -> str:
    """The content of `dev.env`: lines `NAME=value` that a POSIX shell reads with `. FOLDER/dev.env`.

    Variables of a protocol that is switched off are left out.

    Args:
        described: see `describe`.
    """
    values: dict[str, str] = {"URL": described["url"], "SANDBOX": described["sandbox"]}
    for name, path in _variables():
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
        *(
            ("MCP server MCP 服务器", app["resource"])
            for app in described["issuer"].values()
            if "resource" in app
        ),
        ("caller key 调用方密钥", described["caller"]["key"]),
        ("key for phantom tokens 幻影令牌密钥", described["caller_phantom"]["key"]),
        ("users 用户", users),
        ("data 数据", str(data)),
        ("for scripts 脚本用", str(data / "dev.json")),
        ("for shells 终端用", f". {shlex.quote(str(data / 'dev.env'))}"),
    ):
        table.add_row(what, where)
    console = Console(soft_wrap=True)
    console.print(table)
    for call in calls_of(described, realms):
        console.print(call.text, highlight=False, markup=False)
    # Not in the table, which cuts what is long: it is to be opened. It signs in once, within ten minutes.
    console.print("Console 控制台:", described["admin"]["console"], highlight=False, markup=False)
    console.print("Ctrl-C ends it; the data stays. 按 Ctrl-C 结束，数据保留。", style="dim")


def _variables() -> Iterator[tuple[str, str]]:
    yield from _VARIABLES.items()
    for dialect in dialects().values():
        if dialect.samples is not None:
            for name, (app, value) in dialect.samples.variables.items():
                yield name, f"issuer.{app}.{value}"
