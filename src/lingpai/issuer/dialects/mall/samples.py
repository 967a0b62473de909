"""The dialect's sample app for `lingpai dev`."""

from typing import Any, Final
from urllib.parse import urlencode

from lingpai.core.issuer_records import App
from lingpai.issuer.samples import (
    Document,
    SampleClient,
    SampleRealm,
    Samples,
    SignIn,
    Values,
    digits,
    secret,
)

_FOLDER: Final = "/v1/oauth2"


async def _add(realm: SampleRealm) -> None:
    app = App(
        realm=realm.issuer.realm,
        app_id=realm.values["mall_client_id"],
        name="Sample 示例",
        redirect_uris=(realm.redirect_uri,),
        owner="sample",
    )
    await realm.add(app, realm.values["mall_secret"])


def _describe(values: Values, _url: str, redirect_uri: str) -> Document:
    return {
        "mall": {
            "client_id": values["mall_client_id"],
            "client_secret": values["mall_secret"],
            "redirect_uri": redirect_uri,
        }
    }


def _call(apps: Document, url: str) -> str:
    app = apps["mall"]
    query = urlencode(
        {
            "response_type": "code",
            "client_id": app["client_id"],
            "redirect_uri": app["redirect_uri"],
            "state": "mine",
        }
    )
    return f"curl -sL --cookie '' '{url}{_FOLDER}/authorize?{query}'"


async def _finish(client: SampleClient, code: str) -> None:
    tokens = await _exchange(
        client, "用授权码换令牌 Exchange the code", "/accessToken",
        redirect_uri=client.redirect_uri, grant_type="authorization_code", code=code,
    )  # fmt: skip
    if "access_token" not in tokens:
        return
    client.refresh_token = tokens["refresh_token"]
    query = {"access_token": tokens["access_token"]}
    for title, path in (
        ("读取 open_id Read the open_id", "/getOpenId"),
        ("读取用户 Read the user", "/getUserInfo"),
    ):
        await client.send(title, _FOLDER + path, query, "GET")


async def _refresh(client: SampleClient) -> None:
    tokens = await _exchange(
        client, "刷新令牌 Refresh", "/refreshToken",
        grant_type="refresh_token", refresh_token=client.refresh_token,
    )  # fmt: skip
    client.refresh_token = tokens.get("refresh_token", client.refresh_token)


async def _exchange(client: SampleClient, title: str, path: str, **params: str) -> Any:
    given = {"client_id": client.app_id, "client_secret": client.secret, **params}
    return await client.send(title, _FOLDER + path, given)


SAMPLES: Final = Samples(
    values={"mall_client_id": lambda: digits(6), "mall_secret": secret},
    add=_add,
    describe=_describe,
    variables={
        "MALL": ("mall", "client_id"),
        "MALL_SECRET": ("mall", "client_secret"),
        "REDIRECT": ("mall", "redirect_uri"),
    },
    call=_call,
    sign_in=SignIn(
        about=("OAuth 2.0 登录", "OAuth 2.0 sign-in"),
        button=("登录", "Sign in"),
        app=("mall_client_id", "mall_secret"),
        authorize=_FOLDER + "/authorize",
        finish=_finish,
        refresh=_refresh,
    ),
)
