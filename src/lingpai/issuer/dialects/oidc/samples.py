"""The dialect's samples for `lingpai dev`: apps, and a resource server of the sample web app."""

from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from lingpai.core.issuer_records import App, Client, Resource
from lingpai.issuer import admin
from lingpai.issuer.dialects.oidc import sample_device, sample_sign_in
from lingpai.issuer.samples import (
    Document,
    SampleRealm,
    Samples,
    SampleServer,
    SampleView,
    SignIn,
    Values,
    digits,
    secret,
)

PACKAGE: Final = "lingpai.issuer.dialects.oidc"
SERVER: Final = SampleServer(
    app="oidc",
    path="/mcp",
    scope="mcp:tools",
    words={"en": "use the tools of the sample MCP server", "zh": "使用示例 MCP 服务器的工具"},
)
_APP: Final = ("oidc_client_id", "oidc_secret")
_PUBLIC: Final = "oidc_public_id"
_FOLDER = files(PACKAGE) / "sample_pages"


async def _add(realm: SampleRealm) -> None:
    shared: dict[str, Any] = {
        "realm": realm.issuer.realm,
        "redirect_uris": (realm.redirect_uri,),
        "owner": "sample",
    }
    # Any library is to work with the samples as it comes, and some know RS256 alone.
    app = App(
        app_id=realm.values["oidc_client_id"],
        name="Sample 示例",
        client=Client(id_token_signed_response_alg="RS256"),  # noqa: S106  an algorithm
        **shared,
    )
    await realm.add(app, realm.values["oidc_secret"])
    page = App(app_id=realm.values[_PUBLIC], name="Sample 单页示例", public=True, **shared)
    await realm.add(page, "")
    if realm.app_url:
        await _add_server(realm)
        await _allow_return(realm, realm.values["oidc_client_id"], "/")
        await _allow_return(realm, realm.values[_PUBLIC], "/oidc/spa")


async def _allow_return(realm: SampleRealm, app_id: str, path: str) -> None:
    """Let users return to a page of the sample web app after a logout, at the address of this start alone."""
    known = await admin.find_app(realm.issuer, app_id)
    wanted, host = realm.app_url + path, urlsplit(realm.app_url).hostname
    others = [
        uri
        for uri in known.client.post_logout_redirect_uris
        if (urlsplit(uri).hostname, urlsplit(uri).path) != (host, path)
    ]
    client = msgspec.structs.replace(known.client, post_logout_redirect_uris=(*others, wanted))
    await admin.change_app(realm.issuer, known, client=client)


async def _add_server(realm: SampleRealm) -> None:
    """Add the resource server at the address of this start, and remove those of earlier starts."""
    issuer = realm.issuer
    wanted = Resource(
        realm=issuer.realm,
        uri=realm.app_url + SERVER.path,
        name="Sample MCP 示例",
        scopes=(SERVER.scope,),
        token_format="jwt",  # noqa: S106  a format
        created_at=issuer.now(),
    )
    for each in await issuer.store.list_resources(issuer.realm):
        if each.name == wanted.name and each.uri != wanted.uri:
            await issuer.store.remove_resource(issuer.realm, each.uri)
    await issuer.store.save_resource(wanted)


def _describe(values: Values, url: str, redirect_uri: str) -> Document:
    return {
        "oidc": {
            "issuer": url,
            "client_id": values["oidc_client_id"],
            "client_secret": values["oidc_secret"],
            "redirect_uri": redirect_uri,
            "public_client_id": values[_PUBLIC],
            "spa_redirect_uri": redirect_uri,
        }
    }


def _call(apps: Document, url: str) -> str:
    app = apps["oidc"]
    client = f"-u {app['client_id']}:{app['client_secret']}"
    return f"curl '{url}/token' {client} -d grant_type=client_credentials"


SAMPLES: Final = Samples(
    values={"oidc_client_id": lambda: digits(6), "oidc_secret": secret, _PUBLIC: lambda: digits(6)},
    add=_add,
    describe=_describe,
    variables={
        "ISSUER": ("oidc", "issuer"),
        "OIDC": ("oidc", "client_id"),
        "OIDC_SECRET": ("oidc", "client_secret"),
        "OIDC_PAGE": ("oidc", "public_client_id"),
    },
    call=_call,
    settings={"registration": "open"},  # MCP clients register themselves
    sign_in=SignIn(
        about=("OpenID Connect：授权码 + PKCE", "OpenID Connect: code and PKCE"),
        button=("登录", "Sign in"),
        app=_APP,
        authorize=sample_sign_in.AUTHORIZE,
        parameters=sample_sign_in.parameters,
        finish=sample_sign_in.finish,
        refresh=sample_sign_in.refresh,
        logout=sample_sign_in.logout,
        views=(
            SampleView(
                name="spa",
                about=("单页应用：公开客户端、DPoP、CORS", "Single-page app: public client, DPoP, CORS"),
                button=("打开", "Open"),
                app=(_PUBLIC, ""),
                markup=sample_sign_in.spa,
                script=(_FOLDER / "spa.js").read_bytes(),
                redirects=True,
            ),
            SampleView(
                name="device",
                about=("设备：显示验证码并轮询", "Device: shows a code and polls"),
                button=("打开", "Open"),
                app=(_PUBLIC, ""),
                markup=sample_device.markup,
                script=(_FOLDER / "device.js").read_bytes(),
                actions=sample_device.ACTIONS,
            ),
        ),
        server=SERVER,
    ),
)
