import pytest

from lingpai.core.errors import EDGE_KINDS, ISSUER_KINDS, Kind, LingpaiError
from lingpai.edge.openapi import document
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yzb
from lingpai.issuer.dialects.yzb.shape import BRIDGE_CODES, STATUS, YzbShape
from tests.issuer.dialects.yzb.realms import Answer

KINDS = sorted(EDGE_KINDS | ISSUER_KINDS, key=lambda kind: kind.value)
CONTRACT = {
    "4101": {Kind.MISSING_PARAMETER, Kind.INVALID_PARAMETER, Kind.REPEATED_PARAMETER},
    "4102": {
        Kind.INVALID_CODE,
        Kind.EXPIRED_CODE,
        Kind.INVALID_OPEN_ID,
        Kind.INVALID_APP_TOKEN,
        Kind.EXPIRED_APP_TOKEN,
        Kind.INVALID_ACCESS_TOKEN,
        Kind.EXPIRED_ACCESS_TOKEN,
        Kind.INVALID_REFRESH_TOKEN,
        Kind.EXPIRED_REFRESH_TOKEN,
        Kind.INVALID_TICKET,
    },
    "4103": {Kind.NO_PERMISSION, Kind.UNAUTHORIZED_CLIENT},
    "4104": {Kind.NOT_ADDED},
    "4000": {Kind.INVALID_CLIENT, Kind.UNKNOWN_APP, Kind.ADDRESS_NOT_ALLOWED, Kind.TOO_MANY_REQUESTS},
}
HTTP = {
    Kind.REQUEST_TIMEOUT: 408,
    Kind.BODY_TOO_LARGE: 413,
    Kind.INTERNAL: 500,
    Kind.STORE_UNAVAILABLE: 503,
}


@pytest.mark.threat("I83")
def test_every_kind_of_error_has_a_row() -> None:
    assert set(STATUS) == set(BRIDGE_CODES) == EDGE_KINDS | ISSUER_KINDS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
@pytest.mark.threat("I83")
def test_every_kind_of_error_comes_in_the_envelope(kind: Kind) -> None:
    error = LingpaiError(kind, "Some words.", detail="private", parameter="thing")
    for shape in (yzb.SHAPE, YzbShape(2000)):
        reply = shape.error(error, "trace")
        status, message = Answer(reply.status, dict(reply.headers), reply.body).refusal
        assert status in CONTRACT
        assert message
        assert "private" not in message
        assert reply.status == HTTP.get(kind, 200)
        assert ("cache-control", "no-store") in reply.headers


@pytest.mark.parametrize(("status", "kinds"), CONTRACT.items())
def test_statuses_are_the_contract_s(status: str, kinds: set[Kind]) -> None:
    assert {STATUS[kind][0] for kind in kinds} == {status}


@pytest.mark.parametrize("kind", [Kind.MISSING_PARAMETER, Kind.INVALID_PARAMETER, Kind.REPEATED_PARAMETER])
@pytest.mark.parametrize("reason", ["parameter thing is odd", "It is odd."])
def test_4101_names_the_parameter(kind: Kind, reason: str) -> None:
    reply = yzb.SHAPE.error(LingpaiError(kind, reason, parameter="thing"), "trace")
    assert "thing" in Answer(reply.status, {}, reply.body).refusal[1]


def test_bridge_errors_are_objects_of_three_texts_for_pages_of_any_origin() -> None:
    reply = yzb.BRIDGE.error(LingpaiError(Kind.WRONG_REDIRECT_URI, "Not yours."), "trace")
    error = Answer(reply.status, {}, reply.body).json
    assert list(error) == ["code", "description", "suggestion"]
    assert error["code"] == 100005
    assert dict(reply.headers)["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.MISSING_PARAMETER, 100001),
        (Kind.INVALID_PARAMETER, 100001),
        (Kind.BAD_SIGNATURE, 100002),
        (Kind.UNKNOWN_APP, 100002),
        (Kind.INTERNAL, 100002),
        (Kind.FORGED_FORM, 100003),
    ],
)
def test_bridge_codes(kind: Kind, code: int) -> None:
    assert BRIDGE_CODES[kind] == code


async def test_routes_describe_themselves(issuer: Issuer) -> None:
    routes = yzb.routes(issuer, prefix="/test")
    described = document(routes, title="test", version="1")
    assert all(path.startswith("/test/") for path in described["paths"])
    assert len(described["paths"]) == len(routes) == 11
