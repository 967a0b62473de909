"""The routes of the dialect (docs/spec/yzb.md, "Calls"), for one realm at a time."""

from lingpai.core.wire import Route, Shape, Source
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yzb import params as wire
from lingpai.issuer.dialects.yzb.calls import Calls
from lingpai.issuer.dialects.yzb.shape import BRIDGE, OK, SHAPE, YzbShape

BODY = Source.FORM | Source.JSON | Source.MISLABELLED | Source.NO_LISTS
FOLDERS = ("/OAuth2", "/UserResource", "/CommonResource")


def routes(
    issuer: Issuer, *, prefix: str = "", string_status: bool = False, secure: bool = False
) -> tuple[Route, ...]:
    """Return all routes of one realm. Each realm has its own prefix.

    Args:
        issuer: the realm.
        prefix: the path before `/OAuth2/…`, such as "/yzb-test"; none when empty.
        string_status: True makes every `status` a string, also in the one answer whose original shows a number.
        secure: whether browsers use https.
    """
    calls = Calls(issuer, YzbShape(OK if string_status else int(OK)), secure=secure)
    tag = f"YZB: {issuer.realm}"
    table = (
        ("/OAuth2/token", wire.TokenParams, calls.token,
         "Exchange a code for a user's tokens, or get the server token", wire.IssuedTokens),
        ("/OAuth2/refreshtoken", wire.RefreshParams, calls.refresh_token,
         "Refresh a user's tokens", wire.UserTokens),
        ("/OAuth2/ticket", wire.TicketParams, calls.ticket,
         "Get a ticket to sign pages with", wire.JsTicket),
        ("/OAuth2/checkCode", wire.CheckParams, calls.check_code,
         "Check a token or ticket; expires_in is the Unix time of its expiry", wire.CheckedCode),
        ("/OAuth2/requestJsAuthCode", wire.JsAuthCodeParams, calls.request_js_auth_code,
         "Get a login-free code; for the JS bridge's own window", wire.JsAuthCode),
        ("/UserResource/getUserBaseInfo", wire.UserParams, calls.user_base_info,
         "Get a user's name, picture and sex", wire.BaseInfo),
        ("/UserResource/getAppAccess", wire.UserParams, calls.app_access,
         "List the permissions that the user gave the app", list[str]),
        ("/UserResource/getAppIsAdded", wire.UserParams, calls.app_is_added,
         "Check whether the user has added the app", wire.Added),
        ("/CommonResource/getUserCount", wire.CountParams, calls.user_count,
         "Count the users who have added the app", wire.UserCount),
        ("/CommonResource/getUserList", wire.ListParams, calls.user_list,
         "List the users who have added the app, page by page", list[wire.ListedUser]),
    )  # fmt: skip
    page = Route(
        ("POST",), prefix + "/OAuth2/checkJsConfig", wire.ConfigParams, BODY, calls.check_js_config, BRIDGE,
        "Verify a page for the JS bridge", wire.VerifiedPage, tag,
    )  # fmt: skip
    return (
        *(
            Route(
                ("POST",),
                prefix + path,
                params,
                BODY,
                verb,
                SHAPE,
                summary,
                returns,
                tag,
                quick=True,
            )
            for path, params, verb, summary, returns in table
        ),
        page,
    )


def fallback(prefix: str = "") -> tuple[tuple[str, Shape], ...]:
    """Return prefixes of unrouted paths that are answered in this dialect's shape, for `create_app`."""
    folders = (prefix,) if prefix else FOLDERS
    return tuple((folder, SHAPE) for folder in folders)
