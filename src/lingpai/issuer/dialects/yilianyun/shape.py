"""The wire format of the dialect: `error` is a string, and errors of the platform are HTTP 200.

Errors of HTTP itself, before a call is reached, have their own HTTP status and the same body.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply, Shape
from lingpai.issuer.authorizations import AnswerStyle
from lingpai.issuer.http_status import HTTP_STATUS

_encode = msgspec.json.Encoder().encode

STYLE = AnswerStyle(before_code=(("response_type", "code"),), refused="商户拒绝了授权", terminals=True)


_PARAMETER = "参数错误"
_CODE = "code错误或已过期"
_TOKEN = "access_token错误"  # noqa: S105  texts, not secrets
_EXPIRED = "access_token已过期或错误,请刷新或重新授权"
_DENIED = "没有权限"
_SYSTEM = "系统错误,请稍后重试"
_REDIRECT = "redirect_uri与注册的回调地址不一致"
_REPEAT = "操作不允许"

ERRORS: Mapping[Kind, tuple[str, str]] = {
    Kind.MISSING_PARAMETER: ("12", "缺少必要参数"),
    Kind.INVALID_PARAMETER: ("47", _PARAMETER),
    Kind.REPEATED_PARAMETER: ("47", _PARAMETER),
    Kind.MALFORMED_BODY: ("47", _PARAMETER),
    Kind.NOT_FOUND: ("34", "接口不存在"),
    Kind.METHOD_NOT_ALLOWED: ("34", "请求方式不允许"),
    Kind.BODY_TOO_LARGE: ("47", _PARAMETER),
    Kind.UNSUPPORTED_MEDIA_TYPE: ("47", _PARAMETER),
    Kind.TOO_MANY_REQUESTS: ("34", "操作过于频繁,请稍后重试"),
    Kind.REQUEST_TIMEOUT: ("45", _SYSTEM),
    Kind.STORE_UNAVAILABLE: ("45", _SYSTEM),
    Kind.INTERNAL: ("45", "系统错误"),
    Kind.INVALID_CLIENT: ("2", "client_id不存在"),
    Kind.UNKNOWN_APP: ("2", "client_id不存在"),
    Kind.ADDRESS_NOT_ALLOWED: ("10", _DENIED),
    Kind.APP_NOT_LISTED: ("19", "应用未上架或已下架"),
    Kind.WRONG_APP_MODE: ("31", "应用类型不支持此操作"),
    Kind.UNSUPPORTED_RESPONSE_TYPE: ("1", "response_type不允许"),
    Kind.UNSUPPORTED_GRANT_TYPE: ("47", _PARAMETER),
    Kind.UNAUTHORIZED_CLIENT: ("10", _DENIED),
    Kind.INVALID_REDIRECT_URI: ("3", _REDIRECT),
    Kind.WRONG_REDIRECT_URI: ("3", _REDIRECT),
    Kind.MISSING_SCOPE: ("27", "请设置scope,默认为all"),
    Kind.INVALID_SCOPE: ("15", "权限不能大于初次授权的权限"),
    Kind.INSUFFICIENT_SCOPE: ("10", _DENIED),
    Kind.ACCESS_DENIED: ("10", _DENIED),
    Kind.INVALID_PKCE: ("47", _PARAMETER),
    Kind.INVALID_TARGET: ("47", _PARAMETER),
    Kind.INVALID_CODE: ("6", _CODE),
    Kind.EXPIRED_CODE: ("6", _CODE),
    Kind.AUTHORIZATION_PENDING: ("34", _REPEAT),
    Kind.SLOW_DOWN: ("34", _REPEAT),
    Kind.EXPIRED_DEVICE_CODE: ("6", _CODE),
    Kind.INVALID_CLIENT_METADATA: ("10", _DENIED),
    Kind.INVALID_ACCESS_TOKEN: ("14", _TOKEN),
    Kind.EXPIRED_ACCESS_TOKEN: ("18", _EXPIRED),
    Kind.INVALID_APP_TOKEN: ("14", _TOKEN),
    Kind.EXPIRED_APP_TOKEN: ("18", _EXPIRED),
    Kind.INVALID_REFRESH_TOKEN: ("14", "refresh_token错误"),
    Kind.EXPIRED_REFRESH_TOKEN: ("20", "refresh_token已过期,请重新授权"),
    Kind.INVALID_TICKET: ("14", _TOKEN),
    Kind.INVALID_OPEN_ID: ("10", _DENIED),
    Kind.NO_PERMISSION: ("10", _DENIED),
    Kind.NOT_ADDED: ("10", _DENIED),
    Kind.LIMIT_REACHED: ("41", "获取或更新access_token的次数,已超过最大限制次数!"),
    Kind.BAD_REQUEST_ID: ("33", "Uuid不合法"),
    Kind.BAD_TIMESTAMP: ("47", _PARAMETER),
    Kind.BAD_SIGNATURE: ("11", "sign验证失败"),
    Kind.REPLAYED_REQUEST: ("34", _REPEAT),
    Kind.INVALID_TERMINAL: ("8", "打印机信息错误"),
    Kind.TERMINAL_TAKEN: ("17", "打印机已被他人绑定"),
    Kind.WRONG_TERMINAL_SECRET: ("35", "machine_code或msign错误"),
    Kind.WRONG_TERMINAL_KEY: ("30", "machine_code或qr_key错误"),
    Kind.LOGIN_FAILED: ("7", "账号或密码错误"),
    Kind.BUSY: ("45", _SYSTEM),
    Kind.LOGIN_REQUIRED: ("10", _DENIED),
    Kind.FORGED_FORM: ("34", _REPEAT),
    Kind.INVALID_AUTHORIZATION: ("34", _REPEAT),
}
"""`error` and `error_description` of each error."""

WRONG: Mapping[Kind, str] = {
    Kind.INVALID_PARAMETER: "格式或取值不正确",
    Kind.REPEATED_PARAMETER: "重复",
    Kind.MALFORMED_BODY: "格式不正确",
    Kind.BODY_TOO_LARGE: "过大",
    Kind.UNSUPPORTED_MEDIA_TYPE: "类型不支持",
    Kind.UNSUPPORTED_GRANT_TYPE: "取值不支持",
    Kind.INVALID_PKCE: "不正确",
    Kind.INVALID_TARGET: "不正确",
    Kind.BAD_TIMESTAMP: "须为10位秒级时间戳,且与服务器时间相差不能过大",
}
"""The fault of the parameter that the `body` of an error 47 names."""

_NAME = re.compile(r"[a-z_]+\Z")
_WHOLE = "request"
"""The name in `body` when the error is not about one parameter."""


class _Answer(msgspec.Struct, omit_defaults=True):
    error: str
    error_description: str
    body: Any = None


class YilianyunShape(Shape):
    """The first profile of the dialect; `/v2` is another one.

    Args:
        missing: `error` and its words for a parameter that is missing, by its name, where it is not 12.
    """

    codes = ERRORS

    def __init__(self, missing: Mapping[str, tuple[str, str]] | None = None) -> None:
        self._missing = missing or {}

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id  # the body has no field for it; the header has it
        return Reply(_encode(_Answer("0", "success", value)))

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        del trace_id
        code, words = ERRORS[error.kind]
        if error.kind is Kind.MISSING_PARAMETER:
            code, words = self._missing.get(error.parameter, (code, words))
        wrong, body = WRONG.get(error.kind), None
        if wrong is not None:  # an undeclared name is chosen by the caller, and is not echoed
            body = {error.parameter if _NAME.match(error.parameter) else _WHOLE: wrong}
        return Reply(_encode(_Answer(code, words, body)), HTTP_STATUS.get(error.kind, 200))


_ASKED = ("4", "client_id、response_type或state不能为空")
_SCANNED = ("29", "client_id、machine_code或qr_key不能为空")

SHAPE = YilianyunShape()
AUTHORIZE = YilianyunShape(dict.fromkeys(("client_id", "response_type", "redirect_uri", "state"), _ASKED))
SCAN = YilianyunShape(dict.fromkeys(("client_id", "machine_code", "qr_key"), _SCANNED))
