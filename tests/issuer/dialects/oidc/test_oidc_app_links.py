"""Links to an app's own pages at login, consent and the device's page (OpenID Connect Registration §2)."""

from typing import Any

import msgspec
import pytest

from lingpai.core.issuer_records import App
from tests.issuer.dialects.calls import encoded
from tests.issuer.dialects.oidc.realms import SECRET, Realm
from tests.issuer.dialects.visitors import Seen

LINK = '<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>'
PAGES = {
    "client_uri": ("https://client.example/?a=1&b=2", "The app&#39;s website"),
    "tos_uri": ("https://client.example/terms", "The app&#39;s terms of use"),
    "policy_uri": ("http://client.example/privacy", "The app&#39;s privacy policy"),
}
LOGO = "https://client.example/logo.png"


async def with_pages(realm: Realm, **pages: str) -> App:
    client = msgspec.structs.replace(realm.app.client, **pages)
    app = await realm.change(realm.app, client=client)
    realm.app = app
    return app


async def seen(realm: Realm, **over: Any) -> Seen:
    return await realm.visitor.look(f"{realm.url}/oidc/authorize?{encoded(realm.asked(**over))}")


def demand_links(text: str) -> None:
    for address, words in PAGES.values():
        assert LINK.format(address.replace("&", "&amp;"), words) in text
    assert LOGO not in text


async def test_login_and_consent_link_to_them_and_load_nothing(realm: Realm) -> None:
    await with_pages(realm, logo_uri=LOGO, **{name: address for name, (address, _) in PAGES.items()})
    login = await seen(realm)
    assert b"password" in login.body
    demand_links(login.body.decode())
    await realm.visitor.walk(f"{realm.url}/oidc/authorize?{encoded(realm.asked(client_id='100003'))}")
    consent = await seen(realm)
    assert b"password" not in consent.body
    demand_links(consent.body.decode())
    policy = consent.headers["Content-Security-Policy"]
    assert "client.example" not in policy


async def test_a_device_page_links_to_them(realm: Realm) -> None:
    await realm.code()  # logged in
    await with_pages(realm, **{name: address for name, (address, _) in PAGES.items()})
    await realm.change_app(grants=("urn:ietf:params:oauth:grant-type:device_code",))
    begun = await realm.post(
        "/device_authorization", {"client_id": realm.app.app_id} | {"client_secret": SECRET}
    )
    page = await realm.visitor.look(f"{realm.url}/oidc/device?user_code={begun.json['user_code']}")
    demand_links(page.body.decode())


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//evil.example/", "ftp://client.example/", ""]
)
async def test_what_is_no_page_is_no_link(realm: Realm, address: str) -> None:
    await with_pages(realm, client_uri=address, tos_uri=address, policy_uri=address)
    assert b"nofollow" not in (await seen(realm)).body
