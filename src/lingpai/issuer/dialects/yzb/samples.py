"""The dialect's samples for `lingpai dev`: an app, and a page of it that signs in by the JS bridge."""

import hashlib
import secrets
import time
from importlib.resources import files
from typing import Any, Final

import msgspec

from lingpai.core.issuer_records import App
from lingpai.design.templates import template
from lingpai.issuer.dialects.yzb.policy import USER_INFO
from lingpai.issuer.samples import (
    Document,
    SampleClient,
    SamplePage,
    SampleRealm,
    Samples,
    SignIn,
    Values,
    digits,
    secret,
)

DOMAIN: Final = "127.0.0.1"
"""Pages of this host, on any port, may use the JS bridge."""
_PACKAGE: Final = "lingpai.issuer.dialects.yzb"
_OK: Final = ("2000", 2000)


async def _add(realm: SampleRealm) -> None:
    app = App(
        realm=realm.issuer.realm,
        app_id=realm.values["yzb_app_id"],
        name="Sample 示例",
        domains=(DOMAIN,),
        permissions=(USER_INFO,),
        owner="sample",
    )
    await realm.add(app, realm.values["yzb_secret"])


def _describe(values: Values, _url: str, _redirect_uri: str) -> Document:
    return {"yzb": {"app_id": values["yzb_app_id"], "secret": values["yzb_secret"], "domain": DOMAIN}}


def _call(apps: Document, url: str) -> str:
    app = apps["yzb"]
    form = f"-d app_id={app['app_id']} -d secret={app['secret']} -d grant_type=client_credential"
    return f"curl '{url}/OAuth2/token' {form}"


async def _markup(client: SampleClient, script: str) -> str:
    bridge, signed = await _sign_page(client)
    page = template(_PACKAGE, "sample_page", "page.html.j2")
    return page.render(bridge=bridge, signed=msgspec.json.encode(signed).decode(), script=script)


async def _sign_page(client: SampleClient) -> tuple[str, dict[str, Any]]:
    """Return the address of the bridge's script, and the arguments of `yzb.core.config`, signed with a ticket.

    The ticket itself is not sent to the page.
    """
    timestamp, nonce = str(int(time.time())), secrets.token_hex(8)
    token = await _server_token(client)
    answer = await _send(
        client, "获取 js_ticket Get a ticket", "/OAuth2/ticket", access_token=token, type="js_ticket"
    )
    text = f"js_ticket={answer['data']['ticket']}&nonce_str={nonce}&timestamp={timestamp}&url={client.page}"
    return client.url + "/js/yzb-bridge.js", {
        "app_id": client.app_id,
        "timestamp": timestamp,
        "nonce_str": nonce,
        "signature": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(),
        "js_api_list": ["core.requestAuthCode", "core.requestAccess"],
    }


async def _finish(client: SampleClient, code: str) -> None:
    """Exchange the code from the bridge, and read the user."""
    answer = await _send(
        client, "用授权码换 open_id Exchange the code", "/OAuth2/token",
        secret=client.secret, grant_type="authorization_code", code=code,
    )  # fmt: skip
    if answer["status"] in _OK:
        data = answer["data"]
        await _send(
            client, "检查用户令牌 Check the user's token", "/OAuth2/checkCode",
            type="access_token", code=data["access_token"], open_id=data["open_id"],
        )  # fmt: skip
        await _send(
            client, "读取用户 Read the user", "/UserResource/getUserBaseInfo",
            open_id=data["open_id"], access_token=await _server_token(client),
        )  # fmt: skip


async def _server_token(client: SampleClient) -> str:
    answer = await _send(
        client, "获取服务端令牌 Get the server token", "/OAuth2/token",
        secret=client.secret, grant_type="client_credential",
    )  # fmt: skip
    token: str = answer["data"]["access_token"]
    return token


async def _send(client: SampleClient, title: str, path: str, **params: str) -> Any:
    return await client.send(title, path, {"app_id": client.app_id, **params})


SAMPLES: Final = Samples(
    values={"yzb_app_id": lambda: digits(6), "yzb_secret": secret},
    add=_add,
    describe=_describe,
    variables={"YZB": ("yzb", "app_id"), "YZB_SECRET": ("yzb", "secret")},
    call=_call,
    sign_in=SignIn(
        about=("JS 桥、免登授权码", "JS bridge, login-free code"),
        button=("打开", "Open"),
        app=("yzb_app_id", "yzb_secret"),
        finish=_finish,
        page=SamplePage(markup=_markup, script=(files(_PACKAGE) / "sample_page" / "page.js").read_bytes()),
    ),
)
