import json
import logging
import random
from typing import NoReturn
from urllib.parse import urlencode

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.dialects import yzb
from tests.issuer.dialects.calls import FORM
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.yzb.realms import SECRET, Realm

PATHS = (
    *(f"/OAuth2/{name}" for name in ("token", "refreshtoken", "ticket", "checkCode", "requestJsAuthCode")),
    *(f"/UserResource/{name}" for name in ("getUserBaseInfo", "getAppAccess", "getAppIsAdded")),
    *(f"/CommonResource/{name}" for name in ("getUserCount", "getUserList")),
)
MULTIPART = "multipart/form-data; boundary=X"


def form(realm: Realm, **more: str) -> dict[str, str]:
    return {"app_id": realm.app.app_id, "secret": SECRET, "grant_type": "client_credential"} | more


def multipart(fields: dict[str, str]) -> bytes:
    parts = (
        f'--X\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return ("".join(parts) + "--X--\r\n").encode()


async def test_every_call_takes_post_only(realm: Realm) -> None:
    for path in PATHS:
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = await realm.send(method, path)
            assert (answer.status, answer.headers["allow"]) == (200, "OPTIONS, POST")
            assert answer.refusal[0] == "4000"


@pytest.mark.threat("I83")
async def test_every_call_refuses_an_empty_request_in_the_shape(realm: Realm) -> None:
    for path in PATHS:
        answer = await realm.send("POST", path)
        assert answer.refusal == ("4101", "parameter app_id is missing")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_proper_multipart_body_is_taken(realm: Realm) -> None:
    answer = await realm.send("POST", "/OAuth2/token", multipart(form(realm)), {"Content-Type": MULTIPART})
    assert answer.data["expires_in"] == 7200


@pytest.mark.parametrize(
    "body",
    [
        b"not multipart at all",
        b'--X\r\ncontent-disposition: form-data; name="app_id"\r\n\r\n1',
        b'--X\r\ncontent-disposition: form-data; name="app_id"; filename="a"\r\n\r\n1\r\n--X--\r\n',
    ],
)
@pytest.mark.threat("I83")
async def test_broken_multipart(realm: Realm, body: bytes) -> None:
    answer = await realm.send("POST", "/OAuth2/token", body, {"Content-Type": MULTIPART})
    assert answer.refusal[0] == "4000"


async def test_what_is_too_long_is_unknown(realm: Realm) -> None:
    long = "a" * 600
    user = {"open_id": "x", "refresh_token": long}
    for answer in (
        await realm.exchange(long),
        await realm.refresh(user),
        await realm.check(long),
        await realm.check(long, "js_ticket"),
        await realm.ticket(long),
    ):
        assert answer.refusal[0] == "4102"


@pytest.mark.threat("A7")
async def test_repeated_in_multipart_and_json(realm: Realm) -> None:
    twice = multipart({"app_id": "1"})[: -len("--X--\r\n")] + multipart(form(realm))
    answer = await realm.send("POST", "/OAuth2/token", twice, {"Content-Type": MULTIPART})
    assert answer.refusal == ("4101", "parameter app_id is repeated")
    answer = await realm.send(
        "POST", "/OAuth2/token", b'{"app_id":"1","app_id":"1"}', {"Content-Type": "application/json"}
    )
    assert answer.refusal == ("4101", "parameter app_id is repeated")


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.threat("A8")
async def test_blank_is_absent_in_json_too(realm: Realm, value: str | None) -> None:
    answer = await realm.post_json("/OAuth2/token", form(realm) | {"secret": value})
    assert answer.refusal == ("4101", "parameter secret is missing")


@pytest.mark.parametrize("value", [True, 1.5, ["1"], {"a": 1}])
async def test_json_of_wrong_types_is_4101(realm: Realm, value: object) -> None:
    answer = await realm.post_json("/OAuth2/token", {**form(realm), "secret": value})
    status, message = answer.refusal
    assert status == "4101"
    assert "secret" in message


@pytest.mark.parametrize(
    "body",
    [
        b"app_id=1%00&secret=1&grant_type=client_credential",
        b"app_id=%c0%af&secret=1&grant_type=client_credential",
        b"app_id=%ed%a0%80&secret=1&grant_type=client_credential",
        b"app_id=" + b"1" * 9000 + b"&secret=1&grant_type=client_credential",
    ],
)
@pytest.mark.threat("D45")
async def test_odd_values_are_4101(realm: Realm, body: bytes) -> None:
    status, message = (await realm.send("POST", "/OAuth2/token", body, {"Content-Type": FORM})).refusal
    assert status == "4101"
    assert "app_id" in message


@pytest.mark.threat("D45")
async def test_semicolons_separate_nothing(realm: Realm) -> None:
    body = f"app_id={realm.app.app_id};secret={SECRET}&grant_type=client_credential".encode()
    answer = await realm.send("POST", "/OAuth2/token", body, {"Content-Type": FORM})
    assert answer.refusal == ("4101", "parameter secret is missing")


@pytest.mark.threat("D36")
async def test_a_body_beyond_the_limit_is_413(realm: Realm) -> None:
    answer = await realm.send("POST", "/OAuth2/token", b"a=" + b"1" * 70_000, {"Content-Type": FORM})
    assert answer.status == 413
    assert answer.refusal[0] == "4000"


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ("text/plain", b"app_id=1"),
        ("application/xml", b"app_id=1"),
        ("application/x-www-form-urlencoded; charset=gbk", "app_id=令牌".encode("gbk")),
    ],
)
@pytest.mark.threat("D35")
async def test_other_media_types_are_4000(realm: Realm, value: str, body: bytes) -> None:
    answer = await realm.send("POST", "/OAuth2/token", body, {"Content-Type": value})
    assert answer.status == 200
    assert answer.refusal[0] == "4000"


@pytest.mark.threat("I83")
async def test_a_crash_is_500_in_the_shape_and_says_nothing(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> NoReturn:
        raise RuntimeError("private words")

    monkeypatch.setattr(realm.issuer.store, "find_app", crash)
    answer = await realm.server()
    assert (answer.status, answer.refusal) == (500, ("4000", "internal error"))


@pytest.mark.threat("G73")
async def test_without_the_store_it_is_503_and_no_guess(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> NoReturn:
        raise LingpaiError(Kind.STORE_UNAVAILABLE, "The store is away.", retry_after=1.0)

    monkeypatch.setattr(realm.issuer.store, "find_app", gone)
    for _ in range(101):
        answer = await realm.check("0" * 64)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.refusal == ("4000", "temporarily unavailable, try again")


@pytest.mark.threat("D44")
async def test_no_answer_echoes_what_was_passed(realm: Realm) -> None:
    passed = "5cc928f1eadd0a25bf18e08269c2309741e94b0b51585d987d24488331ca50de"
    answers = [
        await realm.exchange(passed),
        await realm.exchange(passed, grant_type=passed),
        await realm.ticket(passed),
        await realm.check(passed),
        await realm.check(passed, passed),
        await realm.server(secret=passed),
        await realm.server(app_id=passed),
    ]
    assert not [answer for answer in answers if passed.encode() in answer.body]


async def test_status_is_a_number_in_one_answer_only_and_in_none_when_so_set(realm: Realm) -> None:
    tokens = await realm.exchange(await realm.code())
    assert tokens.body.startswith(b'{"status":2000,"message":"ok","data":{"open_id":')
    assert (await realm.refresh(tokens.data)).json["status"] == "2000"
    assert (await realm.server()).json["status"] == "2000"
    routes = yzb.routes(realm.issuer, prefix="/strings", string_status=True)
    async with serving(routes, (("", yzb.SHAPE), *yzb.fallback("/strings"))) as url:
        realm.url, realm.prefix = url, "/strings"
        tokens = await realm.exchange(await realm.code())
        assert tokens.body.startswith(b'{"status":"2000","message":"ok","data":{"open_id":')


async def test_texts_are_utf_8_and_not_escaped(realm: Realm) -> None:
    given = {
        "app_id": realm.app.app_id,
        "open_id": realm.member.open_id,
        "access_token": await realm.server_token(),
    }
    answer = await realm.post("/UserResource/getUserBaseInfo", given)
    assert "小紅".encode() in answer.body
    assert json.loads(answer.body)["data"]["avatar"].encode() in answer.body


@pytest.mark.threat("D48")
async def test_any_bytes_get_an_envelope_and_never_a_crash(realm: Realm) -> None:
    dice = random.Random(48)
    pieces = [
        b"app_id",
        b"=",
        b"&",
        b"%",
        b"%0",
        b"\x00",
        b"\xff",
        b"+",
        b"{",
        b'"',
        b":",
        b"[",
        b"]",
        b"1e999",
        b"\\ud800",
    ]
    for _ in range(300):
        body = b"".join(dice.choices(pieces, k=dice.randrange(12))) + dice.randbytes(dice.randrange(8))
        kind = dice.choice([FORM, "application/json", MULTIPART, "multipart/form-data"])
        answer = await realm.send("POST", dice.choice(PATHS), body, {"Content-Type": kind})
        assert answer.status == 200
        assert answer.refusal[0] in {"4000", "4101"}


@pytest.mark.threat("G71")
async def test_logs_hold_nothing_that_opens_anything(realm: Realm, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        code = await realm.code()
        tokens = (await realm.exchange(code)).data
        server = await realm.server_token()
        ticket = (await realm.ticket(server)).data["ticket"]
        await realm.refresh(tokens)
        await realm.exchange(code)
        await realm.refresh(tokens)
        await realm.check(server, open_id=tokens["open_id"])
        await realm.check(ticket)
        await realm.server(secret=SECRET[::-1])
        await realm.send("POST", f"/OAuth2/{server}?code={code}", b"", {"Authorization": f"Bearer {server}"})
    passed = (code, tokens["access_token"], tokens["refresh_token"], server, ticket, SECRET, SECRET[::-1])
    assert "/OAuth2/checkCode" in caplog.text
    assert not [secret for secret in passed if secret in caplog.text]


@pytest.mark.threat("A7")
@pytest.mark.parametrize("name", ["app_id[]", "secret[0]", "grant_type[a]"])
async def test_a_list_is_4101(realm: Realm, name: str) -> None:
    base = name.partition("[")[0]
    whole = form(realm)
    for given in (
        whole | {name: whole[base]},
        {key: whole[key] for key in whole if key != base} | {name: whole[base]},
    ):
        for kind, body in (
            (FORM, "&".join(f"{key}={value}" for key, value in given.items()).encode()),
            (FORM, urlencode(given).encode()),
            (MULTIPART, multipart(given)),
            ("application/json", json.dumps(given).encode()),
        ):
            answer = await realm.send("POST", "/OAuth2/token", body, {"Content-Type": kind})
            assert answer.refusal == ("4101", f"parameter {base} is repeated")


@pytest.mark.threat("D35")
async def test_json_may_call_itself_a_form_or_nothing(realm: Realm) -> None:
    body = json.dumps(form(realm)).encode()
    for headers in ({"Content-Type": FORM}, {"Content-Type": "multipart/form-data"}, {}):
        assert (await realm.send("POST", "/OAuth2/token", body, headers)).data["expires_in"] == 7200
