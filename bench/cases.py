"""What is measured."""

from bench.answers import (
    ACCOUNT,
    CGI_TOKEN,
    CGI_TOKEN_PATH,
    CHECKED,
    FORM_PATH,
    GET_XCX,
    GET_XCX_PATH,
    INTROSPECTED,
    OPEN_ID,
    PUSHED_REQUEST,
    REDEEMED,
    SECRET,
    SENT,
    SERVER_TOKEN,
    STANDARD_TOKEN,
    STANDARD_TOKENS,
    TICKET,
    USER,
    USER_TOKENS,
)
from bench.contender import Case, Request

BARE = "bare ASGI"
LINGPAI = "lingpai"
FEW_ACCOUNTS = "lingpai, 10 accounts"
MANY_ACCOUNTS = "lingpai, 10,000 accounts"
ISSUER = "lingpai, issuer"
NGINX_FILE = "nginx, static file"
NODE_HTTP = "node http"
NGINX_PROXY = "nginx, proxy_pass"
FASTAPI_PROXY = "FastAPI + httpx, proxy"
LINGPAI_FORWARD = "lingpai, forwarding"
LINGPAI_STANDARD = "lingpai, standard protocol"
OIDC_PROVIDER = "oidc-provider"
OAUTH2_SERVER = "@jmondi/oauth2-server"
OAUTH_TOOLKIT = "django-oauth-toolkit"

FORM = "form POST"
REDEEM = "redeem"
REFRESH = "refresh"
APP_TOKEN = "server token"
ONE_APP = "server token, one app"
TICKETS = "ticket"
CHECK = "checkCode"
WHO = "getOpenId"
STANDARD = "client_credentials"
INTROSPECT = "introspection"
SIGNED = "client_credentials, JWT"
USERINFO = "userinfo"
CODE = "code for tokens and id_token"
CODE_RSA = "code for tokens and id_token, RS256"
BY_SECRET = "refresh, by secret"
ROTATED = "refresh, public client"
INTROSPECT_SIGNED = "introspection, JWT"
PUSHED = "pushed authorization request"
BOUND = "client_credentials, DPoP"
FORWARD = "forwarded call"

OF_THE_PEAK = 0.8
"""The part of the highest throughput at which answers still have to come fast."""

PACED = {case: f"{case}, 80 % of the peak" for case in ("getXcx", REDEEM, REFRESH, APP_TOKEN, CHECK)}

CASES = {
    case.name: case
    for case in (
        Case("getXcx", BARE, GET_XCX),
        Case("cgi-bin/token", BARE, CGI_TOKEN),
        Case("getXcx, any account", FEW_ACCOUNTS, GET_XCX),
        Case(FORM, BARE, REDEEMED),
        Case(REDEEM, BARE, REDEEMED, FORM),
        Case(REFRESH, BARE, USER_TOKENS, FORM),
        Case(APP_TOKEN, BARE, SERVER_TOKEN, FORM),
        Case(ONE_APP, BARE, SERVER_TOKEN, FORM),
        Case(TICKETS, BARE, TICKET, FORM),
        Case(CHECK, BARE, CHECKED, FORM),
        Case(WHO, BARE, OPEN_ID, FORM),
        Case(STANDARD, BARE, STANDARD_TOKEN, FORM, open=True),
        Case(INTROSPECT, BARE, INTROSPECTED, FORM, open=True),
        Case(CODE, BARE, STANDARD_TOKENS, FORM, open=True),
        Case(BY_SECRET, BARE, STANDARD_TOKENS, FORM, open=True),
        Case(SIGNED, BARE, STANDARD_TOKEN, FORM, open=True),
        Case(BOUND, BARE, STANDARD_TOKEN, FORM, open=True),
        Case(CODE_RSA, BARE, STANDARD_TOKENS, FORM, open=True),
        Case(ROTATED, BARE, STANDARD_TOKENS, FORM, open=True),
        Case(INTROSPECT_SIGNED, BARE, INTROSPECTED, FORM, open=True),
        Case(PUSHED, BARE, PUSHED_REQUEST, FORM, open=True),
        Case(USERINFO, BARE, USER, FORM, open=True),
        Case(FORWARD, NGINX_PROXY, SENT),
        Case(PACED["getXcx"], LINGPAI, GET_XCX, "getXcx"),
        Case(PACED[REDEEM], ISSUER, REDEEMED, REDEEM),
        Case(PACED[REFRESH], ISSUER, USER_TOKENS, REFRESH),
        Case(PACED[APP_TOKEN], ISSUER, SERVER_TOKEN, APP_TOKEN),
        Case(PACED[CHECK], ISSUER, CHECKED, CHECK),
    )
}

HELD_TOKEN = {
    "getXcx": Request(f"{GET_XCX_PATH}?appid={ACCOUNT}&secret={SECRET}"),
    "cgi-bin/token": Request(
        f"{CGI_TOKEN_PATH}?grant_type=client_credential&appid={ACCOUNT}&secret={SECRET}",
    ),
}

FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
FORM_POST = Request(
    FORM_PATH,
    "POST",
    FORM_TYPE,
    f"app_id=123456&secret={SECRET}12345678&grant_type=authorization_code&code={SECRET}{SECRET}",
)
"""As long as a real redemption."""
