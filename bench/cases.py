"""What is measured."""

from bench.answers import ACCOUNT, CGI_TOKEN, CGI_TOKEN_PATH, GET_XCX, GET_XCX_PATH, SECRET
from bench.contender import Case, Request

BARE = "bare ASGI"
LINGPAI = "lingpai"
FEW_ACCOUNTS = "lingpai, 10 accounts"
MANY_ACCOUNTS = "lingpai, 10,000 accounts"

CASES = {
    case.name: case
    for case in (
        Case("getXcx", BARE, GET_XCX),
        Case("cgi-bin/token", BARE, CGI_TOKEN),
        Case("getXcx, any account", FEW_ACCOUNTS, GET_XCX),
    )
}

HELD_TOKEN = {
    "getXcx": Request(f"{GET_XCX_PATH}?appid={ACCOUNT}&secret={SECRET}"),
    "cgi-bin/token": Request(
        f"{CGI_TOKEN_PATH}?grant_type=client_credential&appid={ACCOUNT}&secret={SECRET}",
    ),
}
