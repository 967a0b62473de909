"""The dialect's samples for `lingpai dev`: an open app, a self-owned app, and a terminal."""

import hashlib
import secrets
import time
import uuid
from typing import Any, Final

from lingpai.core.issuer_records import App, AppMode
from lingpai.issuer import admin
from lingpai.issuer.samples import (
    Document,
    SampleClient,
    SampleRealm,
    Samples,
    SignIn,
    Values,
    digits,
)


async def _add(realm: SampleRealm) -> None:
    issuer, values = realm.issuer, realm.values
    shared: dict[str, Any] = {"realm": issuer.realm, "owner": "sample"}
    app = App(
        app_id=values["open_client_id"], name="Sample 示例", redirect_uris=(realm.redirect_uri,), **shared
    )
    own = App(app_id=values["own_client_id"], name="Sample 自有示例", mode=AppMode.SELF_OWNED, **shared)
    await realm.add(app, values["open_secret"])
    await realm.add(own, values["own_secret"])
    if await issuer.store.find_terminal(issuer.realm, values["machine_code"]) is None:
        await admin.save_terminal(
            issuer, values["machine_code"], name="Sample 打印机", owner=realm.owner, msign=values["msign"]
        )


def _describe(values: Values, _url: str, redirect_uri: str) -> Document:
    return {
        "yilianyun": {
            "client_id": values["open_client_id"],
            "client_secret": values["open_secret"],
            "redirect_uri": redirect_uri,
            "machine_code": values["machine_code"],
            "msign": values["msign"],
        },
        "yilianyun_self": {"client_id": values["own_client_id"], "client_secret": values["own_secret"]},
    }


def _call(apps: Document, url: str) -> str:
    app = apps["yilianyun_self"]
    signed = f"{app['client_id']}${{T}}{app['client_secret']}"
    sign = f"""$(python3 -c "import hashlib; print(hashlib.md5(b'{signed}').hexdigest())")"""
    return (
        f"T=$(date +%s); curl '{url}/oauth/oauth' -d client_id={app['client_id']} "
        f"-d grant_type=client_credentials -d scope=all -d timestamp=$T "
        f"-d id=$(python3 -c 'import uuid; print(uuid.uuid4())') -d sign={sign}"
    )


async def _finish(client: SampleClient, code: str) -> None:
    await _exchange(client, "用授权码换令牌 Exchange the code", grant_type="authorization_code", code=code)


async def _refresh(client: SampleClient) -> None:
    await _exchange(
        client, "刷新令牌 Refresh", grant_type="refresh_token", refresh_token=client.refresh_token
    )


async def _exchange(client: SampleClient, title: str, **params: str) -> None:
    timestamp = str(int(time.time()))
    text = client.app_id + timestamp + client.secret
    signed = {
        "client_id": client.app_id,
        "timestamp": timestamp,
        "sign": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
        "id": str(uuid.uuid4()),
        "scope": "all",
    }
    answer = await client.send(title, "/oauth/oauth", signed | params)
    if answer.get("error") == "0":
        client.refresh_token = answer["body"]["refresh_token"]


SAMPLES: Final = Samples(
    values={
        "open_client_id": lambda: digits(10),
        "open_secret": lambda: secrets.token_hex(16),
        "own_client_id": lambda: digits(10),
        "own_secret": lambda: secrets.token_hex(16),
        "machine_code": lambda: f"4004{digits(6)}",
        "msign": lambda: digits(12),
    },
    add=_add,
    describe=_describe,
    variables={
        "PRINT": ("yilianyun", "client_id"),
        "PRINT_SECRET": ("yilianyun", "client_secret"),
        "MACHINE": ("yilianyun", "machine_code"),
        "MSIGN": ("yilianyun", "msign"),
        "OWN": ("yilianyun_self", "client_id"),
        "OWN_SECRET": ("yilianyun_self", "client_secret"),
    },
    call=_call,
    sign_in=SignIn(
        about=("授权终端，签名请求", "authorise a terminal, signed calls"),
        button=("授权", "Authorise"),
        app=("open_client_id", "open_secret"),
        authorize="/oauth/authorize",
        finish=_finish,
        refresh=_refresh,
    ),
)
