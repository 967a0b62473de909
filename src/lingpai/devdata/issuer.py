"""The issuer's samples: apps in each dialect's realm, the same two users in each, and a terminal."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from lingpai.core.issuer_records import App, AppMode, Client, Profile, User
from lingpai.devdata.records import IssuerSamples
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.realms import Realm

FIRST, SECOND = "alice", "bob"
DOMAIN = "127.0.0.1"
"""Pages of this host, on any port, may use the JS bridge."""
LANDING = "/docs"
"""The path that codes are sent to: a page of the service, on any port; the browser's address shows the code."""
PERMISSIONS = ("user/get_user_base_info",)


def sample_realms(realms: Sequence[Realm]) -> dict[str, Realm]:
    """Return the realm for the samples of each dialect, by dialect: the first enabled one."""
    found: dict[str, Realm] = {}
    for realm in realms:
        found.setdefault(realm.dialect, realm)
    return found


def landing(origin: str) -> str:
    """Return the redirect URI of the sample apps."""
    return origin + LANDING


async def add_issuer_samples(
    issuers: Mapping[str, Issuer], realms: Sequence[Realm], samples: IssuerSamples, origin: str
) -> None:
    """Add the samples, as an operator would; of existing ones only the redirect URI changes.

    Args:
        issuers: by the realms' names.
        realms: the enabled ones.
        samples: ids and secrets.
        origin: scheme, host and port under which browsers reach the service at this start.
    """
    for dialect, realm in sample_realms(realms).items():
        issuer = issuers[realm.name]
        owner = await _add_user(issuer, FIRST, samples.first_password, "小明", "小明的店")
        await _add_user(issuer, SECOND, samples.second_password, "Bob", "Bob's")
        await _ADDERS[dialect](issuer, owner, samples, landing(origin))


async def _add_yzb(issuer: Issuer, owner: User, samples: IssuerSamples, redirect_uri: str) -> None:
    del owner, redirect_uri
    app = App(
        realm=issuer.realm,
        app_id=samples.yzb_app_id,
        name="Sample 示例",
        domains=(DOMAIN,),
        permissions=PERMISSIONS,
        owner="sample",
    )
    await _add_app(issuer, app, samples.yzb_secret)


async def _add_mall(issuer: Issuer, owner: User, samples: IssuerSamples, redirect_uri: str) -> None:
    del owner
    app = App(
        realm=issuer.realm,
        app_id=samples.mall_client_id,
        name="Sample 示例",
        redirect_uris=(redirect_uri,),
        owner="sample",
    )
    await _add_app(issuer, app, samples.mall_secret)


async def _add_yilianyun(issuer: Issuer, owner: User, samples: IssuerSamples, redirect_uri: str) -> None:
    shared: dict[str, Any] = {"realm": issuer.realm, "owner": "sample"}
    app = App(app_id=samples.open_client_id, name="Sample 示例", redirect_uris=(redirect_uri,), **shared)
    own = App(app_id=samples.own_client_id, name="Sample 自有示例", mode=AppMode.SELF_OWNED, **shared)
    await _add_app(issuer, app, samples.open_secret)
    await _add_app(issuer, own, samples.own_secret)
    if await issuer.store.find_machine(issuer.realm, samples.machine_code) is None:
        await admin.save_machine(
            issuer, samples.machine_code, name="Sample 打印机", owner=owner, msign=samples.msign
        )


async def _add_oidc(issuer: Issuer, owner: User, samples: IssuerSamples, redirect_uri: str) -> None:
    del owner
    shared: dict[str, Any] = {"realm": issuer.realm, "redirect_uris": (redirect_uri,), "owner": "sample"}
    # Any library is to work with the samples as it comes, and some know RS256 alone.
    app = App(
        app_id=samples.oidc_client_id,
        name="Sample 示例",
        client=Client(id_token_signed_response_alg="RS256"),  # noqa: S106  an algorithm
        **shared,
    )
    await _add_app(issuer, app, samples.oidc_secret)
    page = App(app_id=samples.oidc_public_id, name="Sample 单页示例", public=True, **shared)
    await _add_app(issuer, page, "")


_ADDERS: Mapping[str, Callable[[Issuer, User, IssuerSamples, str], Awaitable[None]]] = {
    "yzb": _add_yzb,
    "mall": _add_mall,
    "yilianyun": _add_yilianyun,
    "oidc": _add_oidc,
}


async def _add_user(issuer: Issuer, login: str, password: str, nick: str, seller_name: str) -> User:
    found = await issuer.store.find_login(issuer.realm, login)
    if found is not None:
        return found[0]
    return await admin.add_user(issuer, login, password, Profile(nick=nick, seller_name=seller_name))


async def _add_app(issuer: Issuer, app: App, secret: str) -> None:
    known = await issuer.store.find_app(issuer.realm, app.app_id)
    if known is None:
        await admin.declare_app(issuer, app, secret)
        return
    others = tuple(uri for uri in known.redirect_uris if not uri.endswith(LANDING))
    # The port may differ from that of the last start.
    await admin.change_app(issuer, known, redirect_uris=(*app.redirect_uris, *others))
