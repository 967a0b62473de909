"""The bytes that a held token is answered with: what references send as they are, and what others must resemble."""

import json

CONTENT_TYPE = "application/json; charset=utf-8"
ACCOUNT = "wxbench00000"
SECRET = "0123456789abcdef0123456789abcdef"

# As long as the tokens that WeChat hands out in practice.
_TOKEN = ("00_" + "bench-sample-" * 11)[:140]
_TRACE_ID = "5958c360-518a-11eb-81d2-0bfcec717f4a"


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


GET_XCX = _compact(
    {
        "code": 0,
        "msg": "success",
        "data": {"access_token": _TOKEN, "expires_in": 7190},
        "trace_id": _TRACE_ID,
    },
)
CGI_TOKEN = _compact({"access_token": _TOKEN, "expires_in": 7190})

GET_XCX_PATH = "/AccessToken/getXcx"
CGI_TOKEN_PATH = "/cgi-bin/token"

STABLE_TOKEN_PATH = "/cgi-bin/stable_token"

BY_PATH = {GET_XCX_PATH: GET_XCX, CGI_TOKEN_PATH: CGI_TOKEN, STABLE_TOKEN_PATH: CGI_TOKEN}
