"""Clients whose id is the address of a document that describes them (draft-ietf-oauth-client-id-metadata-document)."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from yarl import URL

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.client_documents.documents import FETCHES, MAX_BYTES, MAX_ID, parts_of_id
from lingpai.issuer.dialects.oidc.client_policy import ClientPolicy
from tests.issuer.dialects.calls import Json, encoded
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.publishing import Published
from tests.issuer.dialects.oidc.realms import (
    NOW,
    REDIRECT,
    SECRET,
    Answer,
    Realm,
    claims_of,
    serving_realm,
)

HOST = "notes.example"
ID = f"https://{HOST}/oauth/client.json"
OTHER = "https://other.example/client"
LOCAL = "http://localhost/callback"
PORTED = "http://localhost:49152/callback"


def document(**over: Any) -> Json:
    """What the client publishes; None leaves a name out."""
    given = {
        "client_id": ID,
        "client_name": "Notes",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    } | over
    return {name: value for name, value in given.items() if value is not None}


@pytest.fixture
def published() -> Published:
    made = Published()
    made.documents[ID] = document()
    return made


async def stored(realm: Realm, app_id: str = ID) -> App | None:
    return await realm.issuer.store.find_app("oidc", app_id)


async def exchanged(realm: Realm, code: str, **over: Any) -> Answer:
    return await realm.exchange(code, client_id=ID, client_secret=None, **over)


async def page(realm: Realm, **over: Any) -> str:
    """The page that asks the user, who is logged in."""
    await realm.code()
    url = f"{realm.url}/oidc/authorize?{encoded(realm.asked(client_id=ID) | over)}"
    async with realm.visitor.http.get(URL(url, encoded=True), headers={"Accept": "text/html"}) as answer:
        assert answer.status == 200
        assert answer.url.path.endswith("/consent")
        return await answer.text()


async def silently(realm: Realm, **over: Any) -> str:
    """What a request without a page is answered: "code" or an error."""
    url = f"{realm.url}/oidc/authorize?{encoded(realm.asked(client_id=ID, prompt='none') | over)}"
    frame = {"Sec-Fetch-Dest": "iframe"}
    async with realm.visitor.http.get(URL(url, encoded=True), headers=frame, allow_redirects=False) as answer:
        found = Answer(answer.status, answer.headers, await answer.read()).redirected
    return "code" if "code" in found else found["error"]


class TestSigningIn:
    async def test_a_user_is_signed_in_by_nothing_but_the_document(
        self, realm: Realm, published: Published
    ) -> None:
        tokens = (await exchanged(realm, await realm.code(client_id=ID))).json
        assert claims_of(tokens["id_token"])["aud"] == ID
        assert (await realm.userinfo(tokens["access_token"])).status == 200
        again = await realm.refresh(tokens["refresh_token"], client_id=ID, client_secret=None)
        assert again.status == 200
        assert again.json["refresh_token"] != tokens["refresh_token"]
        assert published.fetched == [ID]
        assert published.limits == {MAX_BYTES}

    async def test_a_row_is_written_when_a_user_consents_and_never_before(self, realm: Realm) -> None:
        before = await realm.issuer.store.list_apps("oidc")
        assert (await realm.authorize(client_id=ID)).status == 303
        assert (await realm.answered(client_id=ID, allowed=False)).redirected["error"] == "access_denied"
        assert await silently(realm) == "consent_required"
        pushed = await realm.post("/par", realm.asked(client_id=ID))
        assert pushed.status == 201
        assert await realm.issuer.store.list_apps("oidc") == before
        await realm.code(client_id=ID)
        app = await stored(realm)
        assert app is not None
        assert (app.name, app.redirect_uris, app.public, app.secrets) == ("Notes", (REDIRECT,), True, ())
        assert app.grants == ("authorization_code", "refresh_token")
        assert len(await realm.issuer.store.list_apps("oidc")) == len(before) + 1

    async def test_consent_is_kept(self, realm: Realm) -> None:
        assert await silently(realm) == "login_required"
        await realm.code(client_id=ID)
        assert await silently(realm) == "code"

    async def test_the_page_shows_the_hosts_of_the_id_and_of_the_redirect_uri(self, realm: Realm) -> None:
        shown = await page(realm)
        for text in ("Notes", HOST, "https://client.example", "Nobody here has checked"):
            assert text in shown, text
        assert "program on this device" not in shown
        assert "version:" not in shown

    async def test_a_name_is_escaped_and_the_id_replaces_none(
        self, realm: Realm, published: Published, clock: VirtualClock
    ) -> None:
        published.documents[ID] = document(client_name="<script>alert(1)</script>")
        assert "<script>alert" not in await page(realm)
        published.documents[ID] = document(client_name=None)
        clock.advance(300)
        assert f"<h1>{ID}</h1>" in await page(realm)

    async def test_any_port_of_localhost_and_a_warning(self, realm: Realm, published: Published) -> None:
        published.documents[ID] = document(redirect_uris=[LOCAL])
        assert "program on this device" in await page(realm, redirect_uri=PORTED)
        for _ in range(2):  # asked each time
            answer = await realm.answered(client_id=ID, redirect_uri=PORTED)
            assert answer.headers["Location"].startswith(PORTED)
            assert await silently(realm, redirect_uri=PORTED) == "consent_required"
        tokens = await exchanged(realm, answer.redirected["code"], redirect_uri=PORTED)
        assert tokens.status == 200
        for uri in (
            "http://localhost:1/other",
            "https://localhost/callback",
            "http://localhost.example/callback",
        ):
            assert (await realm.authorize(client_id=ID, redirect_uri=uri)).status == 400
        plain = await realm.change(realm.public, redirect_uris=(LOCAL,))
        refused = await realm.authorize(client_id=plain.app_id, redirect_uri=PORTED)
        assert refused.status == 400  # an operator's app lists its ports

    async def test_a_client_with_keys_authenticates_by_them(
        self, realm: Realm, published: Published, clock: VirtualClock
    ) -> None:
        key, other = ClientKey(), ClientKey(kid="other")
        published.documents[ID] = document(token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
        moment = NOW + int(clock.steady())
        code = await realm.code(client_id=ID)
        assert (await exchanged(realm, code)).refusal == (401, "invalid_client")
        for signer, status in ((other, 401), (key, 200)):
            proof = signer.asserted(ID, exp=moment + 60, iat=moment) | {"client_secret": None}
            code = await realm.code(client_id=ID)
            assert (await realm.exchange(code, **proof)).status == status

    async def test_what_it_may_not_use(self, realm: Realm, published: Published) -> None:
        published.documents[ID] = document(grant_types=["authorization_code", "client_credentials", "x"])
        await realm.code(client_id=ID)
        app = await stored(realm)
        assert app is not None
        assert app.grants == ("authorization_code",)
        for grant in ("client_credentials", "urn:ietf:params:oauth:grant-type:device_code"):
            answer = await realm.post("/token", {"grant_type": grant, "client_id": ID})
            assert answer.refusal == (400, "unauthorized_client")
        device = await realm.post("/device_authorization", {"client_id": ID})
        assert device.refusal == (400, "unauthorized_client")
        assert (await realm.post("/introspect", {"token": "x", "client_id": ID})).status == 401

    async def test_what_operators_set_stays(
        self, realm: Realm, published: Published, clock: VirtualClock
    ) -> None:
        await realm.code(client_id=ID)
        app = await stored(realm)
        assert app is not None
        await realm.change(app, owner="ops")
        published.documents[ID] = document(logo_uri="https://notes.example/logo.png")
        clock.advance(300)
        assert await silently(realm) == "code"  # what the user does not see asks for nothing
        kept = await stored(realm)
        assert kept is not None
        assert (kept.owner, kept.client.logo_uri) == ("ops", "https://notes.example/logo.png")
        await realm.change(kept, disabled=True)
        published.fetched.clear()
        assert (await realm.authorize(client_id=ID)).refusal == (400, "invalid_client")
        assert published.fetched == []

    async def test_a_client_that_was_removed_asks_again(self, realm: Realm) -> None:
        tokens = (await exchanged(realm, await realm.code(client_id=ID))).json
        app = await stored(realm)
        assert app is not None
        assert await realm.issuer.store.remove_app(app.id)
        assert (await realm.userinfo(tokens["access_token"])).status == 401
        assert await silently(realm) == "consent_required"
        assert (await exchanged(realm, await realm.code(client_id=ID))).status == 200

    async def test_many_who_consent_at_once_get_one_row(self, realm: Realm) -> None:
        await realm.code()  # logged in, so that all of them have one session
        answers = await asyncio.gather(*(realm.answered(client_id=ID) for _ in range(4)))
        assert ["code" in answer.redirected for answer in answers] == [True] * 4
        assert len([app for app in await realm.issuer.store.list_apps("oidc") if app.documented]) == 1


class TestIds:
    @pytest.mark.parametrize(
        "app_id",
        [
            "http://notes.example/client",
            "https://notes.example",
            "https://notes.example?x=/y",
            "https://notes.example/a/../client",
            "https://notes.example/./client",
            "https://notes.example/a/%2E%2e/client",
            "https://notes.example/.%2E",
            "https://notes.example/client#x",
            "https://user@notes.example/client",
            "https://user:pw@notes.example/client",
            "https:///client",
            "https://notes.example:0/client",
            "https://notes.example:x/client",
            "https://notes.example/cl ient",
            "https://notés.example/client",
            "HTTPS://notes.example/client",
            "https://notes.example/" + "x" * MAX_ID,
            "ftp://notes.example/client",
            "urn:client",
        ],
    )
    async def test_an_address_that_is_no_id(self, realm: Realm, published: Published, app_id: str) -> None:
        published.documents[app_id] = document(client_id=app_id)
        assert parts_of_id(app_id) is None
        assert (await realm.authorize(client_id=app_id)).refusal == (400, "invalid_client")
        assert published.fetched == []

    @pytest.mark.parametrize(
        "app_id",
        [
            "https://notes.example/",
            "https://notes.example:8443/client",
            "https://notes.example/client?v=1",
            "https://notes.example/...",
            "https://notes.example/" + "x" * (MAX_ID - 22),
        ],
    )
    async def test_an_address_that_is_one(self, realm: Realm, published: Published, app_id: str) -> None:
        published.documents[app_id] = document(client_id=app_id)
        tokens = await realm.exchange(
            await realm.code(client_id=app_id), client_id=app_id, client_secret=None
        )
        assert claims_of(tokens.json["id_token"])["aud"] == app_id

    @pytest.mark.threat("L122")
    @pytest.mark.parametrize(
        ("policy", "admitted"),
        [
            (ClientPolicy(), set()),
            (ClientPolicy(documents="any"), {ID, OTHER}),
            (ClientPolicy(documents="hosts", hosts=(HOST,)), {ID}),
            (ClientPolicy(documents="hosts", hosts=("*.example",)), {ID, OTHER}),
            (ClientPolicy(documents="hosts", hosts=("example", "*.notes.example")), set()),
        ],
    )
    async def test_l122_only_admitted_addresses_are_fetched(
        self,
        issuer: Issuer,
        http: aiohttp.ClientSession,
        published: Published,
        policy: ClientPolicy,
        admitted: set[str],
    ) -> None:
        published.documents[OTHER] = document(client_id=OTHER)
        async with serving_realm(issuer, http, published, policy) as realm:
            await issuer.store.add_app(App(realm="oidc", app_id=ID, redirect_uris=(REDIRECT,), public=True))
            for app_id in (ID, OTHER):
                answer = await realm.authorize(client_id=app_id)
                assert answer.status == (303 if app_id in admitted else 400), app_id
            assert set(published.fetched) == admitted
            async with http.get(f"{realm.url}/oidc/.well-known/openid-configuration") as found:
                reply = (await found.json())["client_id_metadata_document_supported"]
            assert reply == (policy.documents != "off")


class TestDocuments:
    @pytest.mark.parametrize(
        "over",
        [
            {"client_id": None},
            {"client_id": OTHER},
            {"client_id": ID + "/"},
            {"client_id": [ID]},
            {"client_secret": "shared"},
            {"client_secret_expires_at": 0},
            {"token_endpoint_auth_method": "client_secret_basic"},
            {"token_endpoint_auth_method": "client_secret_jwt"},
            {"token_endpoint_auth_method": "private_key_jwt"},
            {"redirect_uris": None},
            {"redirect_uris": []},
            {"redirect_uris": ["http://notes.example/callback"]},
            {"redirect_uris": REDIRECT},
            {"redirect_uris": ["javascript:alert(1)"]},
            {"grant_types": ["password"]},
            {"jwks": {"keys": [ClientKey().key.as_dict(private=True)]}},
            {"jwks_uri": "http://notes.example/keys"},
            {"client_name": "Bank\u202e"},
            {"subject_type": "pairwise", "redirect_uris": [LOCAL]},
        ],
    )
    async def test_one_that_cannot_be_used(self, realm: Realm, published: Published, over: Json) -> None:
        published.documents[ID] = document(**over)
        for _ in range(2):
            assert (await realm.authorize(client_id=ID)).refusal == (400, "invalid_client_metadata")
        assert published.fetched == [ID] * 2  # no error is kept
        published.documents[ID] = document()
        assert (await realm.authorize(client_id=ID)).status == 303

    @pytest.mark.parametrize(
        "text", ["", "[]", "{", '"x"', "null", "\xff", "[" * 5000, json.dumps(document(x="y" * MAX_BYTES))]
    )
    async def test_one_that_is_no_document(self, realm: Realm, published: Published, text: str) -> None:
        published.documents[ID] = text
        assert (await realm.authorize(client_id=ID)).refusal == (400, "invalid_client_metadata")

    @pytest.mark.parametrize("status", [204, 301, 302, 307, 404, 500])
    async def test_another_answer_than_200_is_reported(
        self, realm: Realm, published: Published, status: int
    ) -> None:
        published.documents[ID] = status
        answer = await realm.authorize(client_id=ID)
        assert answer.refusal == (400, "invalid_client_metadata")
        assert f"it answers {status}" in answer.json["error_description"]

    async def test_what_is_inside_is_revealed_to_nobody(self, realm: Realm, published: Published) -> None:
        del published.documents[ID]
        answer = await realm.authorize(client_id=ID)
        assert answer.json["error_description"] == "client_id: its document cannot be fetched."

    @pytest.mark.parametrize(
        ("content_type", "status"),
        [
            ("application/json; charset=utf-8", 303),
            ("application/oauth-client+json", 303),
            ("Application/JSON", 303),
            ("text/html", 400),
            ("text/plain", 400),
            ("application/jsonp", 400),
            ("", 400),
        ],
    )
    async def test_it_is_called_json(
        self, realm: Realm, published: Published, content_type: str, status: int
    ) -> None:
        published.headers["content-type"] = content_type
        assert (await realm.authorize(client_id=ID)).status == status

    async def test_it_is_fetched_again_when_its_time_is_over(
        self, realm: Realm, published: Published, clock: VirtualClock
    ) -> None:
        published.headers["cache-control"] = "max-age=600"
        for seconds, count in ((0, 1), (599, 1), (1, 2), (599, 2), (1, 3)):
            clock.advance(seconds)
            assert (await realm.authorize(client_id=ID)).status == 303
            assert len(published.fetched) == count

    async def test_of_all_who_ask_at_once_one_fetches(self, realm: Realm, published: Published) -> None:
        published.gate.clear()
        asking = [asyncio.create_task(realm.authorize(client_id=ID)) for _ in range(6)]
        await published.asked.wait()
        published.gate.set()
        assert [answer.status for answer in await asyncio.gather(*asking)] == [303] * 6
        assert published.fetched == [ID]

    async def test_of_all_who_ask_at_once_for_nothing_one_fetches(
        self, realm: Realm, published: Published
    ) -> None:
        published.documents[ID] = 404
        published.gate.clear()
        asking = [asyncio.create_task(realm.authorize(client_id=ID)) for _ in range(6)]
        await published.asked.wait()
        published.gate.set()
        assert [answer.status for answer in await asyncio.gather(*asking)] == [400] * 6
        assert published.fetched == [ID]

    async def test_nobody_makes_us_fetch_any_number(
        self, realm: Realm, published: Published, clock: VirtualClock
    ) -> None:
        ids = [f"https://notes.example/{number}" for number in range(FETCHES.address + 2)]
        statuses = [(await realm.authorize(client_id=each)).status for each in ids]
        assert statuses == [400] * FETCHES.address + [429] * 2
        assert len(published.fetched) == FETCHES.address
        clock.advance(FETCHES.seconds)
        assert (await realm.authorize(client_id=ID)).status == 303


class TestChanges:
    CHANGES = (
        {"client_name": "Notes 2"},
        {"redirect_uris": [REDIRECT, "https://client.example/other"]},
        {"jwks_uri": "https://notes.example/keys"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": ClientKey().jwks},
    )

    @pytest.mark.threat("L119")
    @pytest.mark.parametrize("over", CHANGES)
    async def test_l119_the_user_is_asked_again_when_name_redirect_uris_or_keys_change(
        self, realm: Realm, published: Published, clock: VirtualClock, over: Json
    ) -> None:
        await realm.code(client_id=ID)
        published.documents[ID] = document(**over)
        assert await silently(realm) == "code"  # what is kept counts until it is fetched again
        clock.advance(300)
        assert await silently(realm) == "consent_required"
        await realm.code(client_id=ID)
        assert await silently(realm) == "code"
        published.documents[ID] = document()
        clock.advance(300)
        assert await silently(realm) == "consent_required"  # nor is the one before remembered

    @pytest.mark.threat("L119")
    async def test_l119_a_change_between_the_page_and_the_answer_does_nothing(
        self, realm: Realm, published: Published, clock: VirtualClock
    ) -> None:
        await realm.code()
        http, url = realm.visitor.http, f"{realm.url}/oidc/authorize?{encoded(realm.asked(client_id=ID))}"
        async with http.get(URL(url, encoded=True)) as answer:
            shown, address = await answer.text(), answer.url
        published.documents[ID] = document(
            redirect_uris=[REDIRECT, "https://evil.example/"], client_name="Evil"
        )
        clock.advance(300)
        fields = {
            name: shown.partition(f'name="{name}" value="')[2].partition('"')[0]
            for name in ("form_token", "request")
        }
        posted = await http.post(
            address.with_query(None), data=fields | {"answer": "allow"}, allow_redirects=False
        )
        text = await posted.text()
        assert posted.status == 400
        assert "Evil" in text
        assert "out of date" in text
        assert await stored(realm) is None
        again = text.partition('name="request" value="')[2].partition('"')[0]
        allowed = await http.post(
            address.with_query(None),
            data=fields | {"request": again, "answer": "allow"},
            allow_redirects=False,
        )
        assert allowed.status == 303
        app = await stored(realm)
        assert app is not None
        assert app.name == "Evil"

    async def test_a_redirect_uri_that_is_gone_is_refused_at_once(
        self, realm: Realm, published: Published, clock: VirtualClock
    ) -> None:
        await realm.code(client_id=ID)
        published.documents[ID] = document(redirect_uris=["https://client.example/new"])
        clock.advance(300)
        assert (await realm.authorize(client_id=ID)).refusal == (400, "invalid_request")

    async def test_a_document_that_is_gone_lets_nobody_in_and_ends_nothing(
        self, realm: Realm, published: Published, clock: VirtualClock
    ) -> None:
        tokens = (await exchanged(realm, await realm.code(client_id=ID))).json
        published.documents[ID] = 404
        clock.advance(300)
        assert (await realm.authorize(client_id=ID)).refusal == (400, "invalid_client_metadata")
        refreshed = await realm.refresh(tokens["refresh_token"], client_id=ID, client_secret=None)
        assert refreshed.status == 200

    @pytest.mark.threat("L119")
    async def test_l119_a_registered_client_that_changes_asks_again_too(self, realm: Realm) -> None:
        answer = await realm.register()
        client, token = answer.json, answer.json["registration_access_token"]
        await realm.code(client_id=client["client_id"])
        assert await silently(realm, client_id=client["client_id"]) == "code"
        for name, error in (("Registered", "code"), ("Renamed", "consent_required")):
            whole = {"client_id": client["client_id"], "redirect_uris": [REDIRECT], "client_name": name}
            path = f"/register/{client['client_id']}"
            changed = await realm.send_json("PUT", path, whole, {"Authorization": f"Bearer {token}"})
            assert changed.status == 200
            assert await silently(realm, client_id=client["client_id"]) == error

    async def test_the_page_says_that_a_client_registered_itself(self, realm: Realm) -> None:
        client = (await realm.register()).json
        shown = await page(realm, client_id=client["client_id"])
        assert "registered itself" in shown
        assert "registered itself" not in await page(realm, client_id=realm.other.app_id)


class TestPushed:
    async def test_a_client_without_a_row_pushes_its_request(self, realm: Realm) -> None:
        pushed = (await realm.post("/par", realm.asked(client_id=ID))).json
        asked: Json = dict.fromkeys(realm.asked()) | {"client_id": ID, "request_uri": pushed["request_uri"]}
        code = (await realm.answered(**asked)).redirected["code"]
        assert (await exchanged(realm, code)).status == 200

    @pytest.mark.threat("L110")
    async def test_l110_a_pushed_request_of_another_document_is_refused(
        self, realm: Realm, published: Published
    ) -> None:
        published.documents[OTHER] = document(client_id=OTHER)
        pushed = (await realm.post("/par", realm.asked(client_id=ID))).json
        for app_id in (OTHER, realm.app.app_id):
            answer = await realm.get(
                "/authorize", {"client_id": app_id, "request_uri": pushed["request_uri"]}
            )
            assert answer.refusal == (400, "invalid_request_uri")

    @pytest.mark.threat("L102")
    async def test_l102_an_assertion_counts_once_before_and_after_the_first_consent(
        self, realm: Realm, published: Published, clock: VirtualClock
    ) -> None:
        key = ClientKey()
        published.documents[ID] = document(token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
        moment = NOW + int(clock.steady())
        proof = key.asserted(ID, exp=moment + 60, iat=moment)
        asked = realm.asked(client_id=ID) | proof
        assert [(await realm.post("/par", asked)).status for _ in range(2)] == [201, 401]
        code = await realm.code(client_id=ID)
        assert (await realm.exchange(code, **proof)).status == 401

    async def test_an_unknown_document_pushes_nothing(self, realm: Realm, published: Published) -> None:
        published.documents[ID] = 404
        answer = await realm.post("/par", realm.asked(client_id=ID))
        assert answer.refusal == (400, "invalid_client_metadata")
        assert (await realm.post("/par", realm.asked(client_id="https://x"))).refusal == (
            401,
            "invalid_client",
        )
        assert (await realm.post("/token", {"grant_type": "refresh_token", "client_id": ID})).status == 401
        assert published.fetched == [ID]  # the token endpoint knows those alone that a user has consented to


async def test_a_secret_of_another_client_is_none_of_its(realm: Realm) -> None:
    await realm.code(client_id=ID)
    answer = await realm.exchange(await realm.code(client_id=ID), client_id=ID, client_secret=SECRET)
    assert answer.refusal == (401, "invalid_client")
