import json

import pytest

from lingpai.core.errors import EDGE_KINDS, ISSUER_KINDS, Kind, LingpaiError
from lingpai.edge.openapi import document
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yilianyun
from lingpai.issuer.dialects.yilianyun.shape import AUTHORIZE, ERRORS, SCAN, WRONG
from lingpai.issuer.pages import Pages, Site
from tests.issuer.dialects.yilianyun.realms import Answer

KINDS = sorted(EDGE_KINDS | ISSUER_KINDS, key=lambda kind: kind.value)
SEED = {
    "2": (Kind.UNKNOWN_APP, "client_id不存在"),
    "11": (Kind.BAD_SIGNATURE, "sign验证失败"),
    "12": (Kind.MISSING_PARAMETER, "缺少必要参数"),
    "15": (Kind.INVALID_SCOPE, "权限不能大于初次授权的权限"),
    "19": (Kind.APP_NOT_LISTED, "应用未上架或已下架"),
    "33": (Kind.BAD_REQUEST_ID, "Uuid不合法"),
    "41": (Kind.LIMIT_REACHED, "获取或更新access_token的次数,已超过最大限制次数!"),
}
CONTRACT = {
    "1": {Kind.UNSUPPORTED_RESPONSE_TYPE},
    "3": {Kind.WRONG_REDIRECT_URI, Kind.INVALID_REDIRECT_URI},
    "6": {Kind.INVALID_CODE, Kind.EXPIRED_CODE},
    "7": {Kind.LOGIN_FAILED},
    "8": {Kind.INVALID_TERMINAL},
    "10": {Kind.NO_PERMISSION, Kind.UNAUTHORIZED_CLIENT, Kind.ADDRESS_NOT_ALLOWED},
    "14": {Kind.INVALID_ACCESS_TOKEN, Kind.INVALID_APP_TOKEN, Kind.INVALID_REFRESH_TOKEN},
    "17": {Kind.TERMINAL_TAKEN},
    "18": {Kind.EXPIRED_ACCESS_TOKEN, Kind.EXPIRED_APP_TOKEN},
    "20": {Kind.EXPIRED_REFRESH_TOKEN},
    "27": {Kind.MISSING_SCOPE},
    "30": {Kind.WRONG_TERMINAL_KEY},
    "31": {Kind.WRONG_APP_MODE},
    "34": {Kind.REPLAYED_REQUEST, Kind.NOT_FOUND, Kind.METHOD_NOT_ALLOWED, Kind.TOO_MANY_REQUESTS},
    "35": {Kind.WRONG_TERMINAL_SECRET},
    "45": {Kind.INTERNAL, Kind.STORE_UNAVAILABLE, Kind.REQUEST_TIMEOUT},
    "47": set(WRONG),
}
HTTP = {
    Kind.REQUEST_TIMEOUT: 408,
    Kind.BODY_TOO_LARGE: 413,
    Kind.INTERNAL: 500,
    Kind.STORE_UNAVAILABLE: 503,
}


def answer_of(
    kind: Kind, parameter: str = "thing", shape: yilianyun.YilianyunShape = yilianyun.SHAPE
) -> Answer:
    reply = shape.error(LingpaiError(kind, "Some words.", detail="private", parameter=parameter), "trace")
    return Answer(reply.status, {"Cache-Control": dict(reply.headers)["cache-control"]}, reply.body)


@pytest.mark.threat("I83")
def test_every_kind_of_error_has_a_row() -> None:
    assert set(ERRORS) == EDGE_KINDS | ISSUER_KINDS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
@pytest.mark.threat("I83")
def test_every_kind_of_error_comes_in_the_form(kind: Kind) -> None:
    answer = answer_of(kind)
    assert answer.error in {*SEED, *CONTRACT}
    assert answer.status == HTTP.get(kind, 200)
    assert answer.json["error_description"]
    assert b"private" not in answer.body
    assert (kind in WRONG) == (answer.error == "47") == ("body" in answer.json)


@pytest.mark.parametrize(("error", "row"), SEED.items())
def test_errors_are_the_original_s_literally(error: str, row: tuple[Kind, str]) -> None:
    assert answer_of(row[0]).json == {"error": error, "error_description": row[1]}


@pytest.mark.parametrize(("error", "kinds"), CONTRACT.items())
def test_errors_are_the_contract_s(error: str, kinds: set[Kind]) -> None:
    assert {answer_of(kind).error for kind in kinds} == {error}


def test_what_is_missing_has_numbers_of_its_own_where_it_is_authorized_and_scanned() -> None:
    missing = Kind.MISSING_PARAMETER
    for name in ("client_id", "response_type", "redirect_uri", "state"):
        assert answer_of(missing, name, AUTHORIZE).error == "4"
    for name in ("client_id", "machine_code", "qr_key"):
        assert answer_of(missing, name, SCAN).error == "29"
    assert {answer_of(missing, name, SCAN).error for name in ("sign", "timestamp", "id")} == {"12"}
    assert answer_of(missing, "client_id").error == "12"


@pytest.mark.parametrize(
    ("parameter", "named"),
    [("timestamp", "timestamp"), ("", "request"), ("<b>", "request"), ("a" * 300 + "!", "request")],
)
@pytest.mark.threat("D44")
def test_47_says_which_parameter_and_echoes_no_other_name(parameter: str, named: str) -> None:
    assert list(answer_of(Kind.REPEATED_PARAMETER, parameter).json["body"]) == [named]


def test_a_success_is_the_original_s() -> None:
    reply = yilianyun.SHAPE.success({"access_token": "xxxx"}, "trace")
    assert reply.body == b'{"error":"0","error_description":"success","body":{"access_token":"xxxx"}}'
    assert json.loads(yilianyun.SHAPE.success(None, "trace").body) == {
        "error": "0",
        "error_description": "success",
    }


async def test_routes_describe_themselves(issuer: Issuer) -> None:
    pages = Pages(issuer, Site(origin="", prefix="/user"), yilianyun.STYLE)
    routes = yilianyun.routes(issuer, pages, prefix="/test")
    described = document(routes, title="test", version="1")
    assert sorted(described["paths"]) == [
        "/test/oauth/authorize",
        "/test/oauth/oauth",
        "/test/oauth/scancodemodel",
        "/test/printer/addprinter",
        "/test/printer/deleteprinter",
    ]
