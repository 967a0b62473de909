"""Data for the start page of `lingpai dev`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from lingpai.devdata.calls import calls_of
from lingpai.edge.start import Command, Development, Link, Values
from lingpai.issuer.realms import Realm

Json = dict[str, Any]
_ACCOUNTS = {
    "wechat": ("Official account", "公众号"),
    "wechat_mini": ("Mini program", "小程序"),
    "wechat_component": ("Third-party platform", "第三方平台"),
    "wecom_suite": ("Third-party app", "第三方应用"),
    "wecom": ("WeCom app", "企业微信应用"),
    "wecom_second": ("Second WeCom app", "第二个企业微信应用"),
}


def development_of(described: Json, realms: Mapping[str, Realm], data: Path) -> Development:
    """Return what the page shows.

    Args:
        described: what `dev.json` contains, with the sample app's address.
        realms: the realm with the samples of each dialect, by dialect.
        data: the folder with `dev.json` and `dev.env`.
    """
    shell = {"en": "Read all values into a shell", "zh": "把全部取值读入终端"}
    commands = (Command(shell, f". {quote(str(data / 'dev.env'))}"), *calls_of(described, realms))
    return Development(tuple(_links(described, realms)), commands, tuple(_values(described)))


def _links(described: Json, realms: Mapping[str, Realm]) -> Iterator[Link]:
    yield Link(
        described["sample"],
        {"en": "Sample app", "zh": "示例应用"},
        {"en": "Sign in by each protocol, and see every request.", "zh": "用每种协议登录，并查看每个请求。"},
    )
    yield Link(
        described["sandbox"],
        {"en": "Sandbox", "zh": "沙箱"},
        {
            "en": "Imitates WeChat and WeCom: accounts, faults, counted calls.",
            "zh": "模拟微信和企业微信：账号、故障、调用计数。",
        },
    )
    for realm in realms.values():
        yield Link(
            f"{described['url']}{realm.prefix}/user/{realm.name}",
            {"en": f"User page: {realm.name}", "zh": f"用户页面：{realm.name}"},
            {"en": "Log in, and see which apps have access.", "zh": "登录并查看哪些应用有权访问。"},
        )


def _values(described: Json) -> Iterator[Values]:
    for name, (english, chinese) in _ACCOUNTS.items():
        if name in described["keeper"]:
            yield Values({"en": english, "zh": chinese}, _pairs(described["keeper"][name]))
    for caller in (described["caller"], described["caller_phantom"]):
        of_caller = {"en": f"Caller {caller['name']}", "zh": f"调用方 {caller['name']}"}
        yield Values(of_caller, (("key", caller["key"]),))
    for name, app in described["issuer"].items():
        yield Values({"en": f"App: {name}", "zh": f"应用：{name}"}, _pairs(app))
    for user in described["users"]:
        yield Values({"en": f"User {user['login']}", "zh": f"用户 {user['login']}"}, _pairs(user))


def _pairs(described: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(described.items())
