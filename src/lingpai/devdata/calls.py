"""Calls that work when pasted into a shell, with the samples of a running `lingpai dev`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lingpai.edge.start import Command
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.realms import Realm
from lingpai.issuer.samples import Samples

Json = dict[str, Any]


def calls_of(described: Json, realms: Mapping[str, Realm]) -> tuple[Command, ...]:
    """Return the calls.

    Args:
        described: what `dev.json` contains.
        realms: the realm with the samples of each dialect, by dialect.
    """
    return (*_keeper_calls(described), *_issuer_calls(described, realms))


def _command(english: str, chinese: str, text: str) -> Command:
    return Command({"en": english, "zh": chinese}, text)


def _keeper_calls(described: Json) -> Iterator[Command]:
    url, app, corp = described["url"], described["keeper"]["wechat"], described["keeper"]["wecom"]
    yield _command(
        "Get the token of an official account",
        "获取公众号的令牌",
        f"curl '{url}/AccessToken/getXcx?appid={app['appid']}'",
    )
    yield _command(
        "Get the token of a WeCom app",
        "获取企业微信应用的令牌",
        f"curl '{url}/AccessToken/getQyapi?corpid={corp['corpid']}&secret={corp['secret']}'",
    )
    bearer = f"-H 'Authorization: Bearer {described['caller']['key']}'"
    yield _command(
        "Get a token with its version, by caller key",
        "用调用方密钥获取带版本号的令牌",
        f"curl {bearer} '{url}/v1/tokens/wechat/{app['appid']}'",
    )
    phantom = described["caller_phantom"]["key"]
    yield _command(
        "Get a phantom token: an SDK takes it for a token, and its calls are forwarded",
        "获取幻影令牌：SDK 把它当作令牌使用，调用由 Lingpai 转发",
        f"curl '{url}/cgi-bin/token?grant_type=client_credential&appid={app['appid']}&secret={phantom}'",
    )
    forward = f"-H 'Authorization: Bearer {phantom}'"
    yield _command(
        "Have a call forwarded, with the token that Lingpai has",
        "转发一次调用，由 Lingpai 加上令牌",
        f"curl {forward} '{url}/v1/forward/wechat/{app['appid']}/cgi-bin/user/get'",
    )
    page = json.dumps({"wx_app_id": app["appid"], "url": "http://www.baidu.com"})
    yield _command(
        "Sign a page for wx.config",
        "为 wx.config 签名页面",
        f"curl '{url}/JsSDK/getJsApiSign' -H 'Content-Type: application/json' -d '{page}'",
    )
    yield _command(
        "Count the calls that reached the sandbox",
        "查看到达沙箱的调用次数",
        f"curl '{described['sandbox']}/_sandbox/calls'",
    )


def _issuer_calls(described: Json, realms: Mapping[str, Realm]) -> Iterator[Command]:
    for dialect, declared, address in samples_of(described["url"], realms):
        call = declared.call(described["issuer"], address)
        yield _command(f"{dialect}: the first call", f"{dialect}：第一个调用", call)


def samples_of(url: str, realms: Mapping[str, Realm]) -> Iterator[tuple[str, Samples, str]]:
    """Yield what each dialect declares that has samples: its name, its samples, its realm's address.

    Args:
        url: of the service.
        realms: the realm with the samples of each dialect, by dialect.
    """
    for name, dialect in dialects().items():
        if name in realms and dialect.samples is not None:
            yield name, dialect.samples, url + realms[name].prefix
