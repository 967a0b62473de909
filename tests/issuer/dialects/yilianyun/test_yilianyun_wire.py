"""Malformed requests, crashes and logs: always the dialect's own form (threat I83)."""

import json
import logging
import random
from typing import Any, NoReturn

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer import admin
from tests.issuer.dialects.calls import FORM, encoded
from tests.issuer.dialects.yilianyun.realms import ADD, DELETE, MSIGN, OAUTH, SCAN, SECRET, Realm

PATHS = (OAUTH, SCAN, ADD, DELETE)
MULTIPART = "multipart/form-data; boundary=X"
JSON = "application/json"


def own(realm: Realm, **over: Any) -> dict[str, Any]:
    return realm.signed(realm.own, grant_type="client_credentials", scope="all") | over


@pytest.mark.threat("I83")
async def test_every_call_takes_post_only(realm: Realm) -> None:
    for path in PATHS:
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = await realm.send(method, path)
            assert (answer.status, answer.headers["allow"]) == (200, "OPTIONS, POST")
            assert answer.error == "34"
    answer = await realm.send("POST", "/oauth/authorize")
    assert (answer.status, answer.error) == (200, "34")


@pytest.mark.threat("I83")
async def test_an_empty_request(realm: Realm) -> None:
    assert [(await realm.send("POST", path)).error for path in PATHS] == ["12", "29", "12", "12"]
    assert (await realm.send("GET", "/oauth/authorize")).error == "4"


@pytest.mark.parametrize(("name", "value"), [("timestamp", 1_717_555_200), ("machine_code", 4_004_504_002)])
async def test_json_has_numbers_or_texts(realm: Realm, name: str, value: int) -> None:
    for given in (value, str(value)):
        called = realm.signed(machine_code="4004504002", msign=MSIGN, scope="all") | {name: given}
        assert (await realm.post_json(SCAN, called)).error == "0"


async def test_what_is_too_long_is_unknown(realm: Realm) -> None:
    long = "a" * 600
    answers = (await realm.exchange(long), await realm.refresh(long), await realm.scan(qr_key=long))
    assert [answer.error for answer in answers] == ["6", "14", "30"]


async def test_json_may_hold_a_secret_of_digits_as_a_number(realm: Realm) -> None:
    await admin.save_terminal(realm.issuer, "4004504008", msign="12345678")
    for msign in (12345678, "12345678"):
        called = realm.signed(machine_code="4004504008", msign=msign, scope="all")
        assert (await realm.post_json(SCAN, called)).error == "0"
        added = realm.signed(
            realm.own,
            machine_code="4004504008",
            msign=msign,
            access_token=(await realm.own_token()).tokens["access_token"],
        )
        assert (await realm.post_json(ADD, added)).error == "0"


@pytest.mark.parametrize("value", [True, 1.5, ["1"], {"a": 1}])
@pytest.mark.parametrize("name", ["client_id", "timestamp", "sign", "scope"])
async def test_json_of_wrong_types_is_47(realm: Realm, name: str, value: object) -> None:
    answer = await realm.post_json(OAUTH, own(realm, **{name: value}))
    assert answer.error == "47"
    assert list(answer.json["body"]) == [name]


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.threat("A8")
async def test_blank_is_absent_in_json_too(realm: Realm, value: str | None) -> None:
    assert (await realm.post_json(OAUTH, own(realm, sign=value))).error == "12"


@pytest.mark.threat("A7")
async def test_repeated_parameters_are_47(realm: Realm) -> None:
    body = encoded(own(realm)).encode()
    answer = await realm.send("POST", OAUTH, body + b"&scope=all", {"Content-Type": FORM})
    assert (answer.error, answer.json["body"]) == ("47", {"scope": "重复"})
    answer = await realm.send("POST", OAUTH, b'{"scope":"all","scope":"all"}', {"Content-Type": JSON})
    assert (answer.error, answer.json["body"]) == ("47", {"scope": "重复"})


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b'{"scope":NaN}', b'{"scope":"\\ud800"}', b"\xff"])
@pytest.mark.threat("I83")
async def test_malformed_json_is_47(realm: Realm, body: bytes) -> None:
    answer = await realm.send("POST", OAUTH, body, {"Content-Type": JSON})
    assert (answer.status, answer.error) == (200, "47")
    assert list(answer.json["body"]) == ["request"]


@pytest.mark.parametrize("sign", [b"%00", b"%c0%af", b"%ed%a0%80", b"1" * 9000])
@pytest.mark.threat("D45")
async def test_odd_values_are_47(realm: Realm, sign: bytes) -> None:
    answer = await realm.send("POST", OAUTH, b"sign=" + sign, {"Content-Type": FORM})
    assert (answer.error, list(answer.json["body"])) == ("47", ["sign"])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"scope=all"),
        ("application/xml", b"scope=all"),
        (MULTIPART, b"scope=all"),
        (f"{FORM}; charset=gbk", "scope=全部".encode("gbk")),
    ],
)
@pytest.mark.threat("D35")
async def test_other_media_types_are_47(realm: Realm, kind: str, body: bytes) -> None:
    answer = await realm.send("POST", OAUTH, body, {"Content-Type": kind})
    assert (answer.status, answer.error, list(answer.json["body"])) == (200, "47", ["request"])


@pytest.mark.threat("D35")
async def test_a_call_may_come_as_multipart(realm: Realm) -> None:
    given = realm.signed(realm.own, grant_type="client_credentials", scope="all")
    parts = "".join(
        f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in given.items()
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await realm.send("POST", OAUTH, f"{parts}--b--\r\n".encode(), headers)
    assert (answer.error, answer.json["body"]["scope"]) == ("0", "all")
    for path in PATHS:
        body = b'--b\r\ncontent-disposition: form-data; name="sign"; filename="x"\r\n\r\n1\r\n--b--\r\n'
        assert (await realm.send("POST", path, body, headers)).status == 200


@pytest.mark.threat("D36")
async def test_a_body_beyond_the_limit_is_413(realm: Realm) -> None:
    answer = await realm.send("POST", OAUTH, b"a=" + b"1" * 70_000, {"Content-Type": FORM})
    assert (answer.status, answer.error) == (413, "47")


@pytest.mark.threat("I83")
async def test_a_crash_is_500_in_the_form_and_says_nothing(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> NoReturn:
        raise RuntimeError("private words")

    monkeypatch.setattr(realm.issuer.store, "find_app", crash)
    answer = await realm.own_token()
    assert (answer.status, answer.json) == (500, {"error": "45", "error_description": "系统错误"})


@pytest.mark.threat("G73")
async def test_without_the_store_it_is_503_and_the_request_may_come_again(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object, **__: object) -> NoReturn:
        raise LingpaiError(Kind.STORE_UNAVAILABLE, "The store is away.", retry_after=1.0)

    given = own(realm)
    with monkeypatch.context() as patched:
        patched.setattr(realm.issuer.store, "take_slot", gone)
        answer = await realm.post(OAUTH, given)
        assert (answer.status, answer.error, answer.headers["retry-after"]) == (503, "45", "1")
    assert (await realm.post(OAUTH, given)).error == "0"


@pytest.mark.threat("D44")
async def test_no_answer_echoes_what_was_passed(realm: Realm) -> None:
    passed = "5cc928f1eadd0a25bf18e08269c2309741e94b0b51585d987d24488331ca50de"
    answers = [
        await realm.exchange(passed),
        await realm.refresh(passed),
        await realm.refresh("x", grant_type=passed),
        await realm.exchange("x", sign=passed),
        await realm.exchange("x", id=passed),
        await realm.exchange("x", client_id=passed),
        await realm.exchange("x", timestamp=passed),
        await realm.exchange("x", scope=passed),
        await realm.scan(msign=passed, machine_code=passed),
        await realm.scan(qr_key=passed),
        await realm.authorize(client_id=passed),
        await realm.post_json(OAUTH, {"timestamp": passed * 2}),
    ]
    assert not [answer for answer in answers if passed.encode() in answer.body]
    assert "0" not in {answer.error for answer in answers}


@pytest.mark.threat("D48")
async def test_any_bytes_get_the_form_and_never_a_crash(realm: Realm) -> None:
    dice = random.Random(48)
    pieces = (b"sign", b"=", b"&", b"%", b"%0", b"\x00", b"\xff", b"+", b"{", b'"', b":", b"[", b"1e999")
    for _ in range(200):
        body = b"".join(dice.choices(pieces, k=dice.randrange(12))) + dice.randbytes(dice.randrange(8))
        kind = dice.choice([FORM, JSON])
        answer = await realm.send("POST", dice.choice(PATHS), body, {"Content-Type": kind})
        assert answer.status == 200
        assert answer.error in {"12", "29", "47"}


@pytest.mark.threat("G71")
async def test_logs_hold_nothing_that_opens_anything(realm: Realm, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        code, key = await realm.code(), await realm.shown()
        tokens = (await realm.exchange(code)).tokens
        given = own(realm)
        server = (await realm.post(OAUTH, given)).tokens
        await realm.post(OAUTH, given)
        await realm.refresh(tokens["refresh_token"])
        await realm.exchange(code)
        await realm.scan(qr_key=key)
        await realm.scan(msign=MSIGN)
        await realm.call(ADD, realm.own, machine_code=key, msign=MSIGN, access_token=server["access_token"])
        await realm.send("POST", f"{OAUTH}?code={code}", b"", {"Authorization": f"Bearer {code}"})
    passed = (code, key, MSIGN, SECRET, given["sign"], *(t[n] for t in (tokens, server) for n in list(t)[:2]))
    assert OAUTH in caplog.text
    assert not [secret for secret in passed if secret in caplog.text]


@pytest.mark.threat("A7")
async def test_a_list_is_refused_as_a_repeated_name_is(realm: Realm) -> None:
    given = realm.signed(realm.own, grant_type="client_credentials", scope="all")
    twice = await realm.send("POST", OAUTH, (encoded(given) + "&scope=x").encode(), {"Content-Type": FORM})
    for name in ("scope[]", "scope%5B0%5D", "sign[]", "id[a]"):
        answer = await realm.send(
            "POST", OAUTH, f"{encoded(given)}&{name}=x".encode(), {"Content-Type": FORM}
        )
        assert (answer.status, answer.error) == (200, twice.error), name
    asked = await realm.send(
        "GET", "/oauth/authorize?client_id=1&response_type=code&state=a&redirect_uri[]=x"
    )
    assert (asked.status, asked.error) == (200, twice.error)
    assert (await realm.post_json(OAUTH, given | {"scope[]": "x"})).error == twice.error


@pytest.mark.threat("D35")
async def test_json_may_call_itself_a_form_or_nothing(realm: Realm) -> None:
    for headers in ({"Content-Type": FORM}, {}):
        given = realm.signed(realm.own, grant_type="client_credentials", scope="all")
        assert (await realm.send("POST", OAUTH, json.dumps(given).encode(), headers)).error == "0"
