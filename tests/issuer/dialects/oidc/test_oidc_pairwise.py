"""Subjects that no client of another sector knows (OpenID Connect Core §8, Registration §5)."""

from typing import Any

import msgspec
import pytest

from lingpai.core.issuer_records import App, Client
from lingpai.issuer import admin
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.oidc.publishing import Published
from tests.issuer.dialects.oidc.realms import REDIRECT, Realm, bearer, claims_of

SECTOR = "https://sector.example/redirects.json"
OTHER = "https://other.example/callback"
PAIRWISE: Json = {"subject_type": "pairwise"}


async def signed_in(realm: Realm, redirect_uri: str = REDIRECT, **over: Any) -> Json:
    """What a client that registers so learns of the user: its id_token's claims."""
    answer = await realm.register(redirect_uris=[redirect_uri], **over)
    assert answer.status == 201, answer.body
    client = answer.json
    code = await realm.code(client_id=client["client_id"], redirect_uri=redirect_uri)
    tokens = await realm.exchange(
        code,
        client_id=client["client_id"],
        client_secret=client["client_secret"],
        redirect_uri=redirect_uri,
    )
    claims = claims_of(tokens.json["id_token"])
    info = await realm.userinfo(tokens.json["access_token"])
    assert info.json["sub"] == claims["sub"]
    return claims


async def test_clients_of_one_host_share_a_sub_and_others_do_not(realm: Realm) -> None:
    public = [await signed_in(realm), await signed_in(realm, OTHER)]
    here = [await signed_in(realm, **PAIRWISE), await signed_in(realm, REDIRECT + "2", **PAIRWISE)]
    there = await signed_in(realm, OTHER, **PAIRWISE)
    assert len({claims["sub"] for claims in public}) == 1
    assert len({claims["sub"] for claims in here}) == 1
    assert len({public[0]["sub"], here[0]["sub"], there["sub"]}) == 3
    assert {len(claims["sub"]) for claims in (*public, *here, there)} == {32}


async def test_registration_sector_uri(realm: Realm, published: Published) -> None:
    published.documents[SECTOR] = [REDIRECT, OTHER, "https://third.example/"]
    sector = PAIRWISE | {"sector_identifier_uri": SECTOR}
    claims = [await signed_in(realm, **sector), await signed_in(realm, OTHER, **sector)]
    assert claims[0]["sub"] == claims[1]["sub"] != (await signed_in(realm, **PAIRWISE))["sub"]
    assert published.fetched == [SECTOR] * 2


@pytest.mark.threat("L112")
@pytest.mark.parametrize(
    "document", [None, [], [OTHER], {REDIRECT: 1}, [REDIRECT, 7], "", "[", '["\xff"]', "[" * 9000]
)
async def test_l112_registration_sector_bad(realm: Realm, published: Published, document: Any) -> None:
    if document is not None:
        published.documents[SECTOR] = document
    for given in (PAIRWISE, {}):
        answer = await realm.register(sector_identifier_uri=SECTOR, **given)
        assert answer.refusal == (400, "invalid_client_metadata")
    assert [app for app in await realm.issuer.store.list_apps("oidc") if app.registration] == []


@pytest.mark.threat("L112")
@pytest.mark.parametrize(
    "uris",
    [
        [REDIRECT, OTHER],
        ["http://127.0.0.1/callback"],
        ["http://localhost/callback"],
        [REDIRECT, "http://127.0.0.1/callback"],
        ["com.example.app:/callback"],
    ],
)
async def test_l112_redirect_uris_of_no_one_host_are_no_sector(
    realm: Realm, published: Published, uris: list[str]
) -> None:
    native: Json = {"application_type": "native", "redirect_uris": uris}
    assert (await realm.register(**PAIRWISE, **native)).refusal == (400, "invalid_client_metadata")
    published.documents[SECTOR] = uris
    assert (await realm.register(**PAIRWISE, **native, sector_identifier_uri=SECTOR)).status == 201


@pytest.mark.parametrize(
    "uri", ["http://sector.example/", "https:///", "sector", "https://u@sector.example/"]
)
async def test_a_sector_is_named_by_https(realm: Realm, published: Published, uri: str) -> None:
    published.documents[uri] = [REDIRECT]
    answer = await realm.register(**PAIRWISE, sector_identifier_uri=uri)
    assert answer.refusal == (400, "invalid_client_metadata")


@pytest.mark.threat("L113")
async def test_l113_nothing_of_two_sectors_can_be_linked(realm: Realm) -> None:
    here, there = await signed_in(realm, **PAIRWISE), await signed_in(realm, OTHER, **PAIRWISE)
    for name in ("sub", "sid"):
        assert here[name] != there[name]
    common = set(map(str, here.values())) & set(map(str, there.values()))
    assert not [value for value in common if len(value) >= 16 and "://" not in value and ":acr:" not in value]


async def test_a_sub_is_a_hint_of_its_client_alone(realm: Realm) -> None:
    claims = await signed_in(realm, **PAIRWISE)
    other = await realm.authorize(
        claims=f'{{"id_token":{{"sub":{{"value":"{claims["sub"]}"}}}}}}', prompt="none"
    )
    assert other.redirected["error"] == "login_required"
    own = await realm.authorize(
        client_id=claims["aud"],
        claims=f'{{"id_token":{{"sub":{{"value":"{claims["sub"]}"}}}}}}',
        scope="openid",
        prompt="none",
        headers={"Sec-Fetch-Dest": "iframe"},
    )
    assert own.redirected["error"] == "login_required"  # this browser has no session: nobody learns more


async def test_a_client_with_users_keeps_their_sub(realm: Realm) -> None:
    answer = await realm.register(**PAIRWISE)
    client, token = answer.json, bearer(answer.json["registration_access_token"])
    path = f"/register/{client['client_id']}"
    whole = {name: client[name] for name in ("client_id", "redirect_uris", "client_name")}
    changed = await realm.send_json("PUT", path, whole | PAIRWISE | {"redirect_uris": [OTHER]}, token)
    assert changed.status == 200
    await realm.code(client_id=client["client_id"], redirect_uri=OTHER)
    for over in ({"subject_type": "public"}, PAIRWISE | {"redirect_uris": [REDIRECT]}):
        refused = await realm.send_json("PUT", path, whole | {"redirect_uris": [OTHER]} | over, token)
        assert refused.refusal == (400, "invalid_client_metadata")
    same = whole | PAIRWISE | {"redirect_uris": [OTHER + "2", OTHER]}
    assert (await realm.send_json("PUT", path, same, token)).status == 200


async def test_an_operators_app_keeps_its_users_sub_too(realm: Realm) -> None:
    app = App(
        realm="oidc", app_id="100009", redirect_uris=(REDIRECT,), client=Client(subject_type="pairwise")
    )
    await admin.declare_app(realm.issuer, app, "0" * 40)
    public = await signed_in(realm)
    tokens = await realm.exchange(
        await realm.code(client_id="100009"), client_id="100009", client_secret="0" * 40
    )
    assert claims_of(tokens.json["id_token"])["sub"] != public["sub"]
    with pytest.raises(Exception, match="would get another sub"):
        await admin.declare_app(realm.issuer, msgspec.structs.replace(app, client=Client()), "0" * 40)
    moved = msgspec.structs.replace(app, redirect_uris=(OTHER,))
    with pytest.raises(Exception, match="would get another sub"):
        await admin.declare_app(realm.issuer, moved, "0" * 40)
    named = msgspec.structs.replace(app, name="Renamed")
    assert (await admin.declare_app(realm.issuer, named, "0" * 40)).name == "Renamed"
