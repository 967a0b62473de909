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

FORM_PATH = "/form"
SERVER_TOKEN = _compact(
    {"status": "2000", "message": "ok", "data": {"access_token": "ab" * 32, "expires_in": 7200}},
)
USER_TOKENS = _compact(
    {
        "status": "2000",
        "message": "ok",
        "data": {
            "open_id": "ab" * 16,
            "access_token": "cd" * 32,
            "expires_in": 7200,
            "refresh_token": "ef" * 32,
            "scope": "sns_base",
        },
    },
)
REDEEMED = USER_TOKENS.replace(b'"2000"', b"2000")  # a number in this one answer, as the original shows it
TICKET = _compact({"status": "2000", "message": "ok", "data": {"ticket": "ab" * 32, "expires_in": 7200}})
CHECKED = _compact({"status": "2000", "message": "ok", "data": {"expires_in": 1_700_000_000}})
OPEN_ID = _compact(
    {
        "status": 1,
        "msg": "操作成功!",
        "result": {
            "access_token": "ab" * 32,
            "client_id": "100000",
            "expires": 1_700_000_000,
            "scope": None,
            "open_id": "cd" * 16,
        },
    },
)
STANDARD_TOKEN = _compact({"access_token": "t", "expires_in": 7200, "token_type": "Bearer"})
STANDARD_TOKENS = _compact(
    {
        "access_token": "t",
        "expires_in": 3600,
        "token_type": "Bearer",
        "refresh_token": "r",
        "id_token": "i",
        "scope": "openid",
    }
)
USER = _compact({"sub": "u"})
PUSHED_REQUEST = _compact({"request_uri": "urn:ietf:params:oauth:request_uri:r", "expires_in": 90})
SENT = _compact({"errcode": 0, "errmsg": "ok"})
INTROSPECTED = _compact({"active": True})

BY_GRANT_TYPE = {"authorization_code": REDEEMED}
